//! Token Status List (draft-ietf-oauth-status-list-12): one bit per secret, set once the secret is deleted or its
//! application or organisation disabled. It ends the tokens that were issued before.

use std::io::Write;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::ZlibEncoder};
use oauth2_types::claims::{StatusList, StatusListClaims};

use crate::{conditional, failure::Failure, routes::problem, state::TokenService};

/// How many secrets share a list: 16 KiB before compression, and a crowd to hide in.
const LIST_LENGTH: i64 = 131_072;
/// More lists than this many would hold 131 million secrets.
const LISTS: i64 = 1_000;
/// How many signed lists are remembered, each at most for one lease.
pub(crate) const LISTS_REMEMBERED: usize = 64;
/// How long validators may keep a list, and after how long they must not believe it.
const TTL_SECONDS: i64 = 10;
const LIFETIME_SECONDS: i64 = 60;

/// The list that an index is on, and its place there.
pub(crate) fn place(status_index: i64) -> (i64, i64) {
    (status_index / LIST_LENGTH, status_index % LIST_LENGTH)
}

/// The index at a place; `None` for a place that no list has.
pub(crate) fn index_at(list: i64, place: i64) -> Option<i64> {
    let real = (0..LISTS).contains(&list) && (0..LIST_LENGTH).contains(&place);
    real.then_some(list * LIST_LENGTH + place)
}

/// `GET /oauth2/statuslists/{n}`. No shared cache may keep it: its age would be added to the `ttl` for which the validator
/// keeps it.
pub(crate) async fn list(
    request: HttpRequest,
    path: web::Path<String>,
    service: web::Data<TokenService>,
) -> HttpResponse {
    let number = path.parse().ok().filter(|number| (0..LISTS).contains(number));
    let Some(number) = number else {
        return problem(StatusCode::NOT_FOUND, "there is no status list of this number");
    };
    match service.status_list(number).await {
        Ok(None) => problem(StatusCode::NOT_FOUND, "there is no status list of this number"),
        Ok(Some(token)) => {
            let age = format!("private, max-age={TTL_SECONDS}");
            let tag = conditional::tag(token.as_bytes());
            conditional::answer(&request, tag, age, |mut answer| {
                answer.content_type("application/statuslist+jwt").body(token)
            })
        }
        Err(failure) => failure.response(),
    }
}

impl TokenService {
    /// The address of a list; tokens name it.
    pub(crate) fn status_list_uri(&self, number: i64) -> String {
        format!("{}/oauth2/statuslists/{number}", self.settings.public_url)
    }

    /// The number of the list at an address of ours.
    pub(crate) fn status_list_number(&self, uri: &str) -> Option<i64> {
        let path = uri.strip_prefix(self.settings.public_url.as_str())?;
        path.strip_prefix("/oauth2/statuslists/")?.parse().ok()
    }

    /// At most one reading and one signature per list and lease, however many ask. A DELETE is answered one lease after
    /// its commit: so whoever asks after the answer gets a list that was read after the commit.
    ///
    /// Lists that no secret is on are not made: whoever asks for all of them would keep the database busy.
    async fn status_list(&self, number: i64) -> Result<Option<String>, Failure> {
        let lease = self.memory.lease().as_nanos().max(1);
        let slice = self.clock.monotonic().as_nanos() / lease;
        let next = self
            .next_status_index
            .get_or_insert_async(&slice, async { self.store.next_status_index().await });
        // The next list may have begun on another node since.
        if number > place(next.await?).0 + 1 {
            return Ok(None);
        }
        self.status_lists
            .get_or_insert_async(&(number, slice), self.make_status_list(number))
            .await
            .map(Some)
    }

    async fn make_status_list(&self, number: i64) -> Result<String, Failure> {
        let first = number * LIST_LENGTH;
        let now = self.clock.now().timestamp();
        let invalid = self.store.invalid_status_indexes(first, LIST_LENGTH).await?;
        let claims = StatusListClaims {
            sub: &self.status_list_uri(number),
            iat: now,
            exp: now + LIFETIME_SECONDS,
            ttl: TTL_SECONDS,
            status_list: StatusList {
                bits: 1,
                lst: compressed(invalid.into_iter().map(|index| index - first))
                    .map_err(|error| Failure::Internal(error.to_string()))?,
            },
        };
        self.sign_with(None, "statuslist+jwt", &claims)
    }
}

fn compressed(set: impl Iterator<Item = i64>) -> std::io::Result<String> {
    let mut bits = [0_u8; LIST_LENGTH as usize / 8];
    for index in set {
        if let Some(byte) = usize::try_from(index / 8).ok().and_then(|at| bits.get_mut(at)) {
            *byte |= 1 << (index % 8);
        }
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bits)?;
    Ok(URL_SAFE_NO_PAD.encode(encoder.finish()?))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn s01_an_index_has_one_place() {
        for index in [0, 1, LIST_LENGTH - 1, LIST_LENGTH, 5 * LIST_LENGTH + 7] {
            let (list, at) = place(index);
            assert_eq!(index_at(list, at), Some(index));
        }
        for (list, at) in [(-1, 0), (0, -1), (0, LIST_LENGTH), (LISTS, 0)] {
            assert_eq!(index_at(list, at), None);
        }
    }

    #[test]
    fn s01_the_least_significant_bit_of_a_byte_comes_first() {
        // draft-ietf-oauth-status-list-12 §4.1: statuses 0, 3, 4, 5, 7, 8, 9, 13 and 15 set are the bytes B9 A3.
        let list = compressed([0, 3, 4, 5, 7, 8, 9, 13, 15].into_iter()).unwrap();
        let mut bits = Vec::new();
        flate2::read::ZlibDecoder::new(&URL_SAFE_NO_PAD.decode(list).unwrap()[..])
            .read_to_end(&mut bits)
            .unwrap();
        assert_eq!((bits.len(), &bits[..3]), (16_384, &[0xB9, 0xA3, 0][..]));
    }
}
