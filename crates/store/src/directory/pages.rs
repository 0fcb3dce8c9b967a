//! Pagination of lists: rows after a key, up to a limit, filtered by a search text.

use uuid::Uuid;

/// Which page of a list is wanted.
#[derive(Clone, Debug)]
pub struct Page {
    /// The key of the previous page's last row; empty for the first page.
    pub(crate) after: String,
    /// The search as a `LIKE` pattern over folded text.
    pub(crate) like: String,
    /// The search text as given.
    pub(crate) search: String,
    /// The maximum number of rows.
    pub(crate) limit: i64,
    /// Only what belongs to this organisation.
    pub(crate) organisation_id: Option<String>,
}

impl Page {
    /// `search` matches literally, anywhere in the name.
    pub fn new(after: Option<String>, search: &str, limit: i64) -> Self {
        Self {
            after: after.unwrap_or_default(),
            like: pattern(search),
            search: search.to_owned(),
            limit,
            organisation_id: None,
        }
    }

    /// Limits the list to this organisation, if given.
    pub fn of_organisation(mut self, id: Option<Uuid>) -> Self {
        self.organisation_id = id.map(|id| id.to_string());
        self
    }
}

/// A `LIKE` pattern over folded text that matches this text literally, anywhere.
pub fn pattern(search: &str) -> String {
    let literal = search
        .to_lowercase()
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    format!("%{literal}%")
}
