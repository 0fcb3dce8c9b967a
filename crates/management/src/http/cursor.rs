//! Pagination: opaque, unforgeable cursors.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use domain::{digest::Digest, pepper::Pepper};
use serde::{Deserialize, Serialize};
use store::Page;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::http::problem::Problem;

const TAG_LENGTH: usize = 16;
const LONGEST_SEARCH: usize = 120;

/// Pagination and search of a list.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// How many items at most; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// Only items whose name holds this text, in any case; applications by client id, organisation or secret hint too,
    /// people by name or address.
    #[param(max_length = 120)]
    pub search: Option<String>,
    /// Only applications or people of this organisation.
    pub organisation_id: Option<Uuid>,
}

impl ListQuery {
    /// The page size, and the store's page with one row more.
    pub(crate) fn page(self, pepper: &Pepper, list: &str) -> Result<(usize, Page), Problem> {
        let limit = limit(self.limit)?;
        let after = open(pepper, list, self.after.as_deref())?;
        let search = search(self.search)?;
        let page = Page::new(after, &search, limit as i64 + 1);
        Ok((limit, page.of_organisation(self.organisation_id)))
    }
}

/// A list on the wire.
#[derive(Serialize, utoipa::ToSchema)]
pub struct List<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The cursor of the next page; null at the end.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// The same page with converted items.
    pub(crate) fn map<U>(self, form: impl FnMut(T) -> U) -> List<U> {
        List {
            items: self.items.into_iter().map(form).collect(),
            next: self.next,
        }
    }
}

/// Validates the page size.
pub(crate) fn limit(wanted: Option<u32>) -> Result<usize, Problem> {
    match wanted.unwrap_or(50) {
        limit @ 1..=200 => Ok(limit as usize),
        _ => Err(Problem::Invalid("limit must lie between 1 and 200".to_owned())),
    }
}

/// Validates the search text: the longer a pattern, the more it costs the database.
pub(crate) fn search(wanted: Option<String>) -> Result<String, Problem> {
    let text = wanted.unwrap_or_default();
    if text.chars().count() > LONGEST_SEARCH {
        let remedy = format!("search has at most {LONGEST_SEARCH} characters");
        return Err(Problem::Invalid(remedy));
    }
    Ok(text)
}

/// Turns rows, read with one too many, into a page with its cursor.
pub(crate) fn page<T>(
    pepper: &Pepper,
    list: &str,
    mut items: Vec<T>,
    limit: usize,
    key: impl Fn(&T) -> String,
) -> List<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more);
    let next = last.map(|item| seal(pepper, list, &key(item)));
    List { items, next }
}

/// The pagination key of a list ordered by expiry and id.
pub(crate) fn expiry_key(expires_at: DateTime<Utc>, id: Uuid) -> String {
    format!("{} {id}", expires_at.timestamp_millis())
}

/// Parses such a key.
pub(crate) fn parse_expiry_key(key: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let (expiry, id) = key.split_once(' ')?;
    Some((
        DateTime::from_timestamp_millis(expiry.parse().ok()?)?,
        id.parse().ok()?,
    ))
}

/// A cursor of this list, made from a key.
pub(crate) fn seal(pepper: &Pepper, list: &str, key: &str) -> String {
    with_tag(&pepper.tag(list, key.as_bytes()), key)
}

fn with_tag(tag: &Digest, key: &str) -> String {
    URL_SAFE_NO_PAD.encode([&tag[..TAG_LENGTH], key.as_bytes()].concat())
}

/// The key in a cursor of this list.
pub(crate) fn open(pepper: &Pepper, list: &str, cursor: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let opened = || {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (_, key) = bytes.split_at_checked(TAG_LENGTH)?;
        let key = std::str::from_utf8(key).ok()?;
        let mut tags = pepper.tags(list, key.as_bytes()).into_iter();
        tags.any(|tag| with_tag(&tag, key) == cursor)
            .then(|| key.to_owned())
    };
    let refused =
        || Problem::Invalid("after must be the unchanged `next` of this list's previous page".to_owned());
    opened().map(Some).ok_or_else(refused)
}
