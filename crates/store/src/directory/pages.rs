//! Pages of lists: what comes after a key, at most so many, whose name holds a text.

/// Which part of a list is wanted.
#[derive(Clone, Debug)]
pub struct Page {
    /// The key of the last row of the page before; empty for the first page.
    pub(crate) after: String,
    /// A pattern for `LIKE`.
    pub(crate) like: String,
    /// How many rows.
    pub(crate) limit: i64,
}

impl Page {
    /// `search` is looked for literally, anywhere in the name.
    pub fn new(after: Option<String>, search: &str, limit: i64) -> Self {
        let literal = search
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        Self {
            after: after.unwrap_or_default(),
            like: format!("%{literal}%"),
            limit,
        }
    }
}
