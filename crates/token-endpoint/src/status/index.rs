//! Where the status of a secret is published: a list, and an index on it (draft-ietf-oauth-status-list-20 §6.1).

use crate::state::Settings;

/// How many credentials share a list: 32 KiB before compression, and a crowd to hide in.
pub(crate) const LIST_LENGTH: i64 = 131_072;
/// More lists than this many would hold 131 million secrets.
pub(crate) const LISTS: i64 = 1_000;

/// The list that a status index is on, and its index there.
pub(crate) fn on_list(status_index: i64) -> (i64, i64) {
    (status_index / LIST_LENGTH, status_index % LIST_LENGTH)
}

/// The status index of an index on a list; `None` beyond the last list, or beyond the end of a list.
pub(crate) fn status_index(list: i64, index: i64) -> Option<i64> {
    let real = (0..LISTS).contains(&list) && (0..LIST_LENGTH).contains(&index);
    real.then_some(list * LIST_LENGTH + index)
}

/// The address of a list; tokens name it.
pub(crate) fn list_uri(settings: &Settings, list: i64) -> String {
    format!("{}/oauth2/statuslists/{list}", settings.public_url)
}

/// The address at which all lists are named.
pub(crate) fn aggregation_uri(settings: &Settings) -> String {
    format!("{}/oauth2/statuslists", settings.public_url)
}

/// The number of the list at an address of ours.
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
