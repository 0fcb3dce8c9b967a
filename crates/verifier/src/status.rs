//! A cache of Token Status Lists (draft-ietf-oauth-status-list-20): refreshed when their `ttl` has passed, used until
//! their `exp` while the server does not answer, and never after it (fail closed).

use std::{
    collections::HashMap,
    io::Read,
    sync::{Arc, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::read::ZlibDecoder;
use jose::strict_json;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::{Clock, Fetch, Issuer, Rejection, jws::Jws, keys::IssuerKeys};

/// Interval of retrying a failed fetch.
const RETRY: Duration = Duration::from_secs(1);
/// The `ttl` of a list without one.
const DEFAULT_TTL: i64 = 10;
/// Size limit of a decompressed list.
const MAX_LIST: u64 = 4 * 1024 * 1024;
/// Capacity in lists; a server with more secrets needs a larger one.
const MAX_LISTS: usize = 256;
const UNAVAILABLE: Rejection = Rejection::Unavailable("the status list");

/// The token's list and index (§6.1).
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Reference {
    status_list: StatusListInfo,
}

#[derive(Clone, Debug, Deserialize)]
struct StatusListInfo {
    idx: u64,
    uri: String,
}

struct List {
    bits: u8,
    bytes: Vec<u8>,
    issued_at: i64,
    expires_at: i64,
}

#[derive(Default)]
struct Remembered {
    list: Option<List>,
    fetch_at: Duration,
}

pub(crate) struct StatusLists {
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    skew: i64,
    lists: std::sync::Mutex<HashMap<String, Arc<Mutex<Remembered>>>>,
}

impl StatusLists {
    pub(crate) fn new(fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>, skew: i64) -> Self {
        Self {
            fetch,
            clock,
            skew,
            lists: std::sync::Mutex::default(),
        }
    }

    /// Checks that the token's status is VALID (§7.1); any other status rejects it.
    pub(crate) async fn check(
        &self,
        issuer: &Issuer,
        keys: &IssuerKeys,
        token: &Reference,
    ) -> Result<(), Rejection> {
        let StatusListInfo { idx, uri } = &token.status_list;
        if !issuer.owns(uri) {
            return Err(Rejection::Claims);
        }
        let entry = self.entry(uri)?;
        let mut remembered = entry.lock().await;
        if self.clock.monotonic() >= remembered.fetch_at || remembered.list.is_none() {
            self.refresh(&mut remembered, uri, keys).await;
        }
        let list = remembered.list.as_ref().ok_or(UNAVAILABLE)?;
        if list.expires_at <= self.clock.unix_time() {
            return Err(UNAVAILABLE);
        }
        match list.status(*idx) {
            Some(0) => Ok(()),
            _ => Err(Rejection::Revoked),
        }
    }

    fn entry(&self, uri: &str) -> Result<Arc<Mutex<Remembered>>, Rejection> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lists.get(uri) {
            return Ok(Arc::clone(known));
        }
        if lists.len() >= MAX_LISTS {
            return Err(UNAVAILABLE);
        }
        Ok(Arc::clone(lists.entry(uri.to_owned()).or_default()))
    }

    async fn refresh(&self, remembered: &mut Remembered, uri: &str, keys: &IssuerKeys) {
        let asked_at = self.clock.monotonic();
        if remembered.list.is_none() && asked_at < remembered.fetch_at {
            return;
        }
        remembered.fetch_at = asked_at + RETRY;
        match self.read(uri, keys).await {
            Ok((list, _))
                if remembered
                    .list
                    .as_ref()
                    .is_some_and(|known| list.issued_at < known.issued_at) =>
            {
                log::warn!("{uri} answered an older list than before: it is ignored");
            }
            Ok((list, ttl)) => {
                remembered.list = Some(list);
                remembered.fetch_at = asked_at + ttl;
            }
            Err(problem) => log::warn!("{uri} can't be read: {problem}"),
        }
    }

    /// Fetches and validates a status list token (§8.3).
    async fn read(&self, uri: &str, keys: &IssuerKeys) -> Result<(List, Duration), String> {
        let body = self.fetch.get(uri).await.map_err(|error| error.to_string())?;
        let token = String::from_utf8(body).map_err(|error| error.to_string())?;
        let claims = self
            .verified(token.trim(), keys)
            .await
            .map_err(|error| error.to_string())?;
        if claims.sub != uri {
            return Err("it is the list of another address".to_owned());
        }
        let now = self.clock.unix_time();
        if claims.exp <= now || claims.iat > now + self.skew {
            return Err("it is not valid now".to_owned());
        }
        let ttl = claims.ttl.unwrap_or(DEFAULT_TTL).clamp(1, claims.exp - now);
        let list = List {
            bits: claims.status_list.bits,
            bytes: unpack(&claims.status_list.lst)?,
            issued_at: claims.iat,
            expires_at: claims.exp,
        };
        if !matches!(list.bits, 1 | 2 | 4 | 8) {
            return Err("it has a number of bits that the draft does not know".to_owned());
        }
        Ok((list, Duration::from_secs(ttl.unsigned_abs())))
    }

    async fn verified(&self, token: &str, keys: &IssuerKeys) -> Result<Claims, Rejection> {
        let jws = Jws::parse(token)?;
        jws.has_type("statuslist+jwt")?;
        jws.verify(&*keys.find(&jws.kid).await?)?;
        Ok(strict_json::parse(&jws.payload)?)
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    iat: i64,
    exp: i64,
    ttl: Option<i64>,
    status_list: Packed,
}

#[derive(Deserialize)]
struct Packed {
    bits: u8,
    lst: String,
}

impl List {
    /// The status at an index, least significant bits first (§4.1); `None` beyond the end.
    fn status(&self, index: u64) -> Option<u8> {
        let bits = u64::from(self.bits);
        let per_byte = 8 / bits;
        let byte = *self.bytes.get(usize::try_from(index / per_byte).ok()?)?;
        let mask = u8::MAX >> (8 - self.bits);
        Some((byte >> (index % per_byte * bits)) & mask)
    }
}

fn unpack(lst: &str) -> Result<Vec<u8>, String> {
    let packed = URL_SAFE_NO_PAD.decode(lst).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    ZlibDecoder::new(&packed[..])
        .take(MAX_LIST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_LIST {
        return Err("it is too large".to_owned());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(bits: u8, lst: &str) -> List {
        List {
            bits,
            bytes: unpack(lst).unwrap(),
            issued_at: 0,
            expires_at: 0,
        }
    }

    #[test]
    fn s01_one_bit_statuses_are_read_as_the_drafts_example() {
        // draft-ietf-oauth-status-list-20 §4.2.
        let list = list(1, "eNrbuRgAAhcBXQ");
        let set = [0, 3, 4, 5, 7, 8, 9, 13, 15];
        for index in 0..16 {
            assert_eq!(
                list.status(index),
                Some(u8::from(set.contains(&index))),
                "{index}"
            );
        }
        assert_eq!(list.status(16), None);
        assert_eq!(list.status(u64::MAX), None);
    }

    #[test]
    fn s01_two_bit_statuses_are_read_as_the_drafts_example() {
        // draft-ietf-oauth-status-list-20 §4.2: 12 statuses of 2 bits.
        let list = list(2, "eNo76fITAAPfAgc");
        let expected = [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3];
        for (index, status) in (0..).zip(expected) {
            assert_eq!(list.status(index), Some(status), "{index}");
        }
    }

    #[test]
    fn a_list_that_unpacks_without_end_is_refused() {
        use std::io::Write;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![0; MAX_LIST as usize + 1]).unwrap();
        assert!(unpack(&URL_SAFE_NO_PAD.encode(encoder.finish().unwrap())).is_err());
    }
}
