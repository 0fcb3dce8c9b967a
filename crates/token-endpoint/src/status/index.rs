//! The position of a credential's status: a status list and an index in it (draft-ietf-oauth-status-list-20 §6.1).

use crate::state::Settings;

/// How many credentials share a list: 32 KiB before compression, and enough for herd privacy.
pub(crate) const LIST_LENGTH: i64 = 131_072;
/// Upper bound of the number of lists, enough for 131 million credentials.
pub(crate) const LISTS: i64 = 1_000;

/// Splits a status index into its list and the index in that list.
pub(crate) fn on_list(status_index: i64) -> (i64, i64) {
    (status_index / LIST_LENGTH, status_index % LIST_LENGTH)
}

/// Joins a list and an index in it; `None` if either is out of range.
pub(crate) fn status_index(list: i64, index: i64) -> Option<i64> {
    let real = (0..LISTS).contains(&list) && (0..LIST_LENGTH).contains(&index);
    real.then_some(list * LIST_LENGTH + index)
}

/// The URI of a list, as tokens name it.
pub(crate) fn list_uri(settings: &Settings, list: i64) -> String {
    format!("{}/oauth2/statuslists/{list}", settings.public_url)
}

/// The URI of the status list aggregation.
pub(crate) fn aggregation_uri(settings: &Settings) -> String {
    format!("{}/oauth2/statuslists", settings.public_url)
}

/// The number of the list at a URI of this server.
pub(crate) fn list_at(settings: &Settings, uri: &str) -> Option<i64> {
    let path = uri.strip_prefix(settings.public_url.as_str())?;
    path.strip_prefix("/oauth2/statuslists/")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s01_a_status_index_is_on_one_list_at_one_index() {
        for index in [0, 1, LIST_LENGTH - 1, LIST_LENGTH, 5 * LIST_LENGTH + 7] {
            let (list, at) = on_list(index);
            assert_eq!(status_index(list, at), Some(index));
        }
        for (list, at) in [(-1, 0), (0, -1), (0, LIST_LENGTH), (LISTS, 0)] {
            assert_eq!(status_index(list, at), None);
        }
    }
}
