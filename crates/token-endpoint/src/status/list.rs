//! Token Status List (draft-ietf-oauth-status-list-20): two bits per credential, which all its tokens share. INVALID
//! once it is deleted or its application or organisation disabled, SUSPENDED while it is suspended.

use std::io::Write;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::ZlibEncoder};
use oauth2_types::claims::{StatusList, StatusListClaims};
use serde_json::json;
use store::{TokenStatus, turns::for_all};

use super::index::{self, LIST_LENGTH, LISTS};
use crate::{
    http::{conditional, problem::problem, request_id::RequestId},
    refusal::Failure,
    state::TokenService,
    token::issuing::SLOW_CLOCK_SECONDS,
};

/// `ttl` and lifetime (`exp`) of a list; both count from now, although `iat` is backdated for validators with slow
/// clocks.
const TTL_SECONDS: i64 = 10;
const LIFETIME_SECONDS: i64 = 60;
/// Bits per status: VALID, INVALID or SUSPENDED (§7.1).
const BITS: u8 = 2;
const MASK: u8 = 0b11;

/// `GET /oauth2/statuslists/{n}`. Shared caches must not store it: time spent there would add to the validator's own
/// `ttl`.
pub(crate) async fn list(
    request: HttpRequest,
    path: web::Path<String>,
    service: web::Data<TokenService>,
) -> HttpResponse {
    let number = path.parse().ok().filter(|number| (0..LISTS).contains(number));
    let Some(number) = number else {
        return problem(StatusCode::NOT_FOUND, "there is no status list of this number");
    };
    // §8.4: historical lists are not kept, and a request for one must not get today's.
    if request
        .query_string()
        .split('&')
        .any(|pair| pair.starts_with("time="))
    {
        return problem(
            StatusCode::NOT_IMPLEMENTED,
            "only the current status list is kept",
        );
    }
    match service.status_list(number).await {
        Ok(None) => problem(StatusCode::NOT_FOUND, "there is no status list of this number"),
        Ok(Some(token)) => {
            let age = format!("private, max-age={TTL_SECONDS}");
            let tag = conditional::tag(token.as_bytes());
            conditional::answer(&request, tag, age, |mut answer| {
                answer.content_type("application/statuslist+jwt").body(token)
            })
        }
        Err(failure) => failure.response(&service.settings.support_address, RequestId::of(&request)),
    }
}

/// Status list aggregation, `GET /oauth2/statuslists` (§9.3): every list that a token can name, for APIs that
/// prefetch them.
pub(crate) async fn lists(request: HttpRequest, service: web::Data<TokenService>) -> HttpResponse {
    match service.last_list(service.slice()).await {
        Ok(last) => {
            let uris = (0..=last).map(|number| index::list_uri(&service.settings, number));
            let uris: Vec<String> = uris.collect();
            HttpResponse::Ok()
                .insert_header((header::CACHE_CONTROL, format!("private, max-age={TTL_SECONDS}")))
                .json(json!({ "status_lists": uris }))
        }
        Err(failure) => failure.response(&service.settings.support_address, RequestId::of(&request)),
    }
}

impl TokenService {
    /// One query and one signature per list and lease, however many requests. A DELETE is answered one lease after
    /// its commit, so a list requested after that answer was read after the commit.
    ///
    /// Lists that hold no credential are not made, so that requests for them can't keep the database busy.
    async fn status_list(&self, number: i64) -> Result<Option<String>, Failure> {
        let slice = self.slice();
        // Another node may have started the next list since.
        if number > self.last_list(slice).await? + 1 {
            return Ok(None);
        }
        self.status_lists
            .get_or_insert_async(&(number, slice), for_all(self.make_status_list(number)))
            .await
            .map(Some)
    }

    /// The current time slice, as long as a lease.
    fn slice(&self) -> u128 {
        let lease = self.memory.lease().as_nanos().max(1);
        self.clock.monotonic().as_nanos() / lease
    }

    /// The list of the next credential.
    async fn last_list(&self, slice: u128) -> Result<i64, Failure> {
        let next = self
            .next_status_index
            .get_or_insert_async(&slice, for_all(self.store.next_status_index()));
        Ok(index::on_list(next.await?).0)
    }

    async fn make_status_list(&self, number: i64) -> Result<String, Failure> {
        let first = number * LIST_LENGTH;
        let now = self.clock.now();
        let reading = self.store.status_indexes((first, LIST_LENGTH), now);
        let statuses = self.memory.confirmed(reading).await?;
        let now = now.timestamp();
        let statuses = statuses
            .into_iter()
            .map(|(index, status)| (index - first, value(status)));
        let claims = StatusListClaims {
            sub: &index::list_uri(&self.settings, number),
            iat: now - SLOW_CLOCK_SECONDS,
            exp: now + LIFETIME_SECONDS,
            ttl: TTL_SECONDS,
            status_list: StatusList {
                bits: BITS,
                lst: compressed(statuses).map_err(|error| Failure::Internal(error.into()))?,
                aggregation_uri: &index::aggregation_uri(&self.settings),
            },
        };
        self.sign(None, "statuslist+jwt", &claims)
    }
}

/// The status value (§7.1).
fn value(status: TokenStatus) -> u8 {
    match status {
        TokenStatus::Invalid => 1,
        TokenStatus::Suspended => 2,
    }
}

/// Packs statuses, least significant bits first (§4.1), and compresses them; of two statuses at one index the later
/// counts.
fn compressed(statuses: impl Iterator<Item = (i64, u8)>) -> std::io::Result<String> {
    let mut bytes = [0_u8; LIST_LENGTH as usize * BITS as usize / 8];
    for (index, status) in statuses {
        let bit = index * i64::from(BITS);
        let place = usize::try_from(bit / 8).ok();
        if let Some(byte) = place.and_then(|at| bytes.get_mut(at)) {
            let shift = bit % 8;
            *byte = *byte & !(MASK << shift) | status << shift;
        }
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(encoder.finish()?))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn s01_the_least_significant_bits_of_a_byte_come_first() {
        // draft-ietf-oauth-status-list-20 §4.1, the example with two bits: 12 statuses are the bytes C9 44 F9.
        let statuses = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3];
        let list = compressed((0..).zip(statuses)).unwrap();
        let mut bytes = Vec::new();
        flate2::read::ZlibDecoder::new(&URL_SAFE_NO_PAD.decode(list).unwrap()[..])
            .read_to_end(&mut bytes)
            .unwrap();
        assert_eq!((bytes.len(), &bytes[..4]), (32_768, &[0xC9, 0x44, 0xF9, 0][..]));
    }

    #[test]
    fn s01_what_is_suspended_and_deleted_is_invalid() {
        let twice = [
            (5, value(TokenStatus::Suspended)),
            (5, value(TokenStatus::Invalid)),
        ];
        assert_eq!(
            compressed(twice.into_iter()).unwrap(),
            compressed([(5, 1)].into_iter()).unwrap()
        );
    }
}
