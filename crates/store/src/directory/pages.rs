//! Pages of lists: what comes after a key, at most so many, whose name holds a text.

use uuid::Uuid;

/// Which part of a list is wanted.
#[derive(Clone, Debug)]
pub struct Page {
    /// The key of the last row of the page before; empty for the first page.
    pub(crate) after: String,
    /// A pattern for `LIKE` over folded text.
    pub(crate) like: String,
    /// The text that is looked for, as it was given.
    pub(crate) search: String,
    /// How many rows.
    pub(crate) limit: i64,
    /// Only what belongs to this organisation.
    pub(crate) organisation_id: Option<String>,
}

impl Page {
    /// `search` is looked for literally, anywhere in the name.
    pub fn new(after: Option<String>, search: &str, limit: i64) -> Self {
        Self {
            after: after.unwrap_or_default(),
            like: pattern(search),
            search: search.to_owned(),
            limit,
            organisation_id: None,
        }
    }

    /// Only what belongs to this organisation, where one is named.
    pub fn of_organisation(mut self, id: Option<Uuid>) -> Self {
        self.organisation_id = id.map(|id| id.to_string());
        self
    }
}

/// A pattern for `LIKE` over folded text that finds this one literally, anywhere.
pub fn pattern(search: &str) -> String {
    let literal = search
        .to_lowercase()
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    format!("%{literal}%")
}
