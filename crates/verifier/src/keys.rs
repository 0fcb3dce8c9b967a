//! A cache of an issuer's JWKS: fetched when first needed, refreshed when old, used through an outage, and fetched
//! again for an unknown `kid`, rate-limited against forged tokens.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jose::strict_json;
use jsonwebtoken::{
    DecodingKey,
    jwk::{Jwk, PublicKeyUse},
};
use oauth2_types::algorithm::Algorithm;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::{Clock, Fetch, FetchError, Issuer, Rejection};

/// The age after which the JWKS is refreshed, as in the server's `Cache-Control`.
const FRESH: Duration = Duration::from_secs(300);
/// The age up to which cached keys are used while the server does not answer.
const USABLE: Duration = Duration::from_secs(24 * 3600);
/// Interval of retrying a failed fetch.
const RETRY: Duration = Duration::from_secs(5);
/// Least interval of fetches for unknown `kid`s.
const UNKNOWN_KID: Duration = Duration::from_secs(30);
/// Limit of keys: no server needs more at once.
const MAX_KEYS: usize = 64;

/// A public key and its only algorithm.
pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    pub(crate) decoding: DecodingKey,
}

/// The keys of the last fetch.
struct Fetched {
    keys: HashMap<String, Arc<Key>>,
    at: Duration,
}

/// The times of fetches; the holder of its lock may fetch.
#[derive(Default)]
struct Attempts {
    last: Option<Duration>,
    for_unknown_kid: Option<Duration>,
    jwks_uri: Option<String>,
}

pub(crate) struct IssuerKeys {
    issuer: Issuer,
    fetch: Arc<dyn Fetch>,
    clock: Arc<dyn Clock>,
    fetched: RwLock<Option<Arc<Fetched>>>,
    attempts: Mutex<Attempts>,
}

impl IssuerKeys {
    pub(crate) fn new(issuer: Issuer, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Self {
        Self {
            issuer,
            fetch,
            clock,
            fetched: RwLock::default(),
            attempts: Mutex::default(),
        }
    }

    /// The key with this `kid`.
    pub(crate) async fn find(&self, kid: &str) -> Result<Arc<Key>, Rejection> {
        let known = self.known(kid);
        if let Some(key) = known
            .as_ref()
            .filter(|_| self.age().is_some_and(|age| age < FRESH))
        {
            return Ok(Arc::clone(key));
        }
        // If another task is fetching, the cached key serves meanwhile.
        if let Some(attempts) = self.turn(known.is_some()).await {
            self.refresh_if_due(attempts, kid).await;
        }
        match self.age() {
            Some(age) if age < USABLE => self.known(kid).ok_or(Rejection::UnknownKey),
            _ => Err(Rejection::Unavailable("the issuer's keys")),
        }
    }

    /// Waits for a task that is fetching, unless the key is cached.
    async fn turn(&self, known: bool) -> Option<MutexGuard<'_, Attempts>> {
        if known {
            self.attempts.try_lock().ok()
        } else {
            Some(self.attempts.lock().await)
        }
    }

    async fn refresh_if_due(&self, mut attempts: MutexGuard<'_, Attempts>, kid: &str) {
        let now = self.clock.monotonic();
        let passed = |since: Option<Duration>, time| since.is_none_or(|at| now.saturating_sub(at) >= time);
        let age = self.age();
        let due = match self.known(kid) {
            Some(_) => age.is_none_or(|age| age >= FRESH) && passed(attempts.last, RETRY),
            None if age.is_none() => passed(attempts.last, RETRY),
            None => passed(attempts.for_unknown_kid, UNKNOWN_KID),
        };
        if !due {
            return;
        }
        attempts.last = Some(now);
        if age.is_some() && self.known(kid).is_none() {
            attempts.for_unknown_kid = Some(now);
        }
        if let Err(error) = self.refresh(&mut attempts, now).await {
            log::warn!("the keys of {} can't be fetched: {error}", self.issuer.url);
        }
    }

    async fn refresh(&self, attempts: &mut Attempts, now: Duration) -> Result<(), FetchError> {
        let uri = match &attempts.jwks_uri {
            Some(known) => known.clone(),
            None => self.discover().await?,
        };
        let outcome = self.fetch.get(&uri).await.and_then(|body| parse(&body));
        // After a failure the metadata is fetched again: the JWKS may have moved.
        attempts.jwks_uri = outcome.is_ok().then_some(uri);
        let fetched = Arc::new(Fetched {
            keys: outcome?,
            at: now,
        });
        *self.fetched.write().unwrap_or_else(PoisonError::into_inner) = Some(fetched);
        Ok(())
    }

    /// Fetches the metadata, which must name this issuer (RFC 8414 §3.3).
    async fn discover(&self) -> Result<String, FetchError> {
        #[derive(Deserialize)]
        struct Metadata {
            issuer: String,
            jwks_uri: String,
        }
        let body = self.fetch.get(&self.issuer.metadata_url()).await?;
        let metadata: Metadata =
            strict_json::parse(&body).map_err(|_| FetchError("its metadata is malformed".to_owned()))?;
        if metadata.issuer != self.issuer.url {
            return Err(FetchError("its metadata names another issuer".to_owned()));
        }
        if !self.issuer.owns(&metadata.jwks_uri) {
            return Err(FetchError("its metadata names keys at another origin".to_owned()));
        }
        Ok(metadata.jwks_uri)
    }

    fn snapshot(&self) -> Option<Arc<Fetched>> {
        self.fetched
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn known(&self, kid: &str) -> Option<Arc<Key>> {
        self.snapshot()?.keys.get(kid).cloned()
    }

    fn age(&self) -> Option<Duration> {
        let fetched = self.snapshot()?;
        Some(self.clock.monotonic().saturating_sub(fetched.at))
    }
}

/// Parses a JWKS (RFC 7517 §5); keys that are not for signatures with a supported algorithm are skipped.
fn parse(body: &[u8]) -> Result<HashMap<String, Arc<Key>>, FetchError> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let malformed = |_| FetchError("the key set is malformed".to_owned());
    let set: Set = strict_json::parse(body).map_err(malformed)?;
    let keys: HashMap<_, _> = set.keys.into_iter().take(MAX_KEYS).filter_map(usable).collect();
    if keys.is_empty() {
        return Err(FetchError("the key set holds no usable key".to_owned()));
    }
    Ok(keys)
}

fn usable(key: Value) -> Option<(String, Arc<Key>)> {
    let jwk: Jwk = serde_json::from_value(key).ok()?;
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let algorithm = Algorithm::of_key(&jwk)?;
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    Some((jwk.common.key_id?, Arc::new(Key { algorithm, decoding })))
}
