//! Token Status List (draft-ietf-oauth-status-list-12): one bit per secret, set once the secret is deleted or its
//! application or organisation disabled. It ends the tokens that were issued before.

use std::io::Write;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::ZlibEncoder};
use oauth2_types::claims::{StatusList, StatusListClaims};

use super::index::{self, LIST_LENGTH, LISTS};
use crate::{
    http::{conditional, problem::problem},
    refusal::Failure,
    state::TokenService,
    token::issuing::SLOW_CLOCK_SECONDS,
};

/// How long validators may keep a list, and after how long they must not believe it; both count from now, although `iat`
/// lies in the past for validators with slow clocks.
const TTL_SECONDS: i64 = 10;
const LIFETIME_SECONDS: i64 = 60;

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
        Err(failure) => failure.response(&service.settings.support_address),
    }
}

impl TokenService {
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
        if number > index::on_list(next.await?).0 + 1 {
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
            sub: &index::list_uri(&self.settings, number),
            iat: now - SLOW_CLOCK_SECONDS,
            exp: now + LIFETIME_SECONDS,
            ttl: TTL_SECONDS,
            status_list: StatusList {
                bits: 1,
                lst: compressed(invalid.into_iter().map(|index| index - first))
                    .map_err(|error| Failure::Internal(error.into()))?,
            },
        };
        self.sign(None, "statuslist+jwt", &claims)
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
