//! Keys that others publish: a client's at its `jwks_uri`, an issuer's by its discovery document. Kept in memory, and asked
//! for again when they are a minute old: a key that has disappeared counts no longer than that. Whoever can't be reached is
//! believed for a day more, then not at all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{
    Clock,
    assertion::Assertion,
    authentication::PublishedKeys,
    client::Client,
    client_key::ClientKey,
    credential::Proof,
    federation::{NamedKey, is_refused, named_keys},
};
use fetch::Fetcher;
use jose::strict_json;
use serde::Deserialize;
use serde_json::{Map, Value};

/// For so long nobody asks again.
const FRESH: Duration = Duration::from_secs(60);
/// So long after an answer was read it counts no more.
const BELIEVED: Duration = Duration::from_secs(24 * 3600);
/// So often at most somebody is asked, whatever tokens say: also after a failure, and for a name that is not known.
const PAUSE: Duration = Duration::from_secs(10);
/// No real set has more.
const MOST_KEYS: usize = 50;
/// How many places are remembered.
const REMEMBERED: usize = 10_000;

/// Where keys are published.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// A JWK Set.
    Set(String),
    /// An issuer with a discovery document.
    Issuer(String),
}

impl Place {
    fn name(&self) -> &str {
        match self {
            Self::Set(name) | Self::Issuer(name) => name,
        }
    }
}

/// What is known of a place.
#[derive(Default)]
struct Known {
    keys: Arc<Vec<NamedKey>>,
    /// When they were read, on the monotonic clock.
    read_at: Option<Duration>,
    /// When the place was last asked.
    asked_at: Option<Duration>,
}

impl Known {
    fn is_within(at: Option<Duration>, now: Duration, limit: Duration) -> bool {
        at.is_some_and(|at| now.saturating_sub(at) < limit)
    }

    fn knows(&self, kid: Option<&str>) -> bool {
        let is_meant = |key: &NamedKey| kid.is_none_or(|kid| key.kid.as_deref() == Some(kid));
        self.keys.iter().any(is_meant)
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// All places that were asked.
pub(crate) struct Published {
    fetcher: Fetcher,
    refused_issuers: Vec<String>,
    clock: Arc<dyn Clock>,
    /// A lock for each place: of those who need it at once, one asks.
    places: Mutex<HashMap<Place, Arc<tokio::sync::Mutex<Known>>>>,
}

impl Published {
    pub(crate) fn new(fetcher: Fetcher, refused_issuers: Vec<String>, clock: Arc<dyn Clock>) -> Self {
        Self {
            fetcher,
            refused_issuers,
            clock,
            places: Mutex::default(),
        }
    }

    /// The published keys that an assertion of this client may be signed by.
    pub(crate) async fn keys_for(&self, client: &Client, assertion: &Assertion<'_>) -> PublishedKeys {
        let mut found = PublishedKeys::default();
        for credential in &client.credentials {
            let place = match &credential.proof {
                Proof::Key(key) if !assertion.is_federated() => match &**key {
                    ClientKey::Published(url) => Place::Set(url.clone()),
                    ClientKey::Registered(_) => continue,
                },
                Proof::Federated(identity)
                    if identity.keys.is_none()
                        && identity.issuer == assertion.issuer()
                        && !is_refused(&identity.issuer, &self.refused_issuers) =>
                {
                    Place::Issuer(identity.issuer.clone())
                }
                _ => continue,
            };
            if !found.contains_key(place.name()) {
                let keys = self.keys_at(&place, assertion.header("kid")).await;
                found.insert(place.name().to_owned(), keys);
            }
        }
        found
    }

    /// Whether an issuer is refused by configuration.
    pub(crate) fn refuses(&self, issuer: &str) -> bool {
        is_refused(issuer, &self.refused_issuers)
    }

    async fn keys_at(&self, place: &Place, kid: Option<&str>) -> Arc<Vec<NamedKey>> {
        let entry = self.entry(place);
        let mut known = entry.lock().await;
        let now = self.clock.monotonic();
        let fresh = Known::is_within(known.read_at, now, FRESH) && known.knows(kid);
        let just_asked = Known::is_within(known.asked_at, now, PAUSE);
        if !fresh && !just_asked {
            known.asked_at = Some(now);
            match self.read(place).await {
                Ok(keys) => {
                    known.keys = Arc::new(keys);
                    known.read_at = Some(now);
                }
                Err(error) => log::warn!("the keys of {} can't be read: {error}", place.name()),
            }
        }
        match Known::is_within(known.read_at, self.clock.monotonic(), BELIEVED) {
            true => Arc::clone(&known.keys),
            false => Arc::default(),
        }
    }

    fn entry(&self, place: &Place) -> Arc<tokio::sync::Mutex<Known>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= REMEMBERED && !places.contains_key(place) {
            places.clear();
        }
        Arc::clone(places.entry(place.clone()).or_default())
    }

    async fn read(&self, place: &Place) -> Result<Vec<NamedKey>, String> {
        let set = match place {
            Place::Set(url) => url.clone(),
            Place::Issuer(issuer) => self.discover(issuer).await?,
        };
        let body = self.fetcher.get(&set).await?;
        let set: Set = strict_json::parse(&body).map_err(|error| format!("its JWK Set: {error}"))?;
        let keys = named_keys(set.keys.get(..MOST_KEYS).unwrap_or(&set.keys));
        Ok(keys)
    }

    /// OpenID Connect Discovery 1.0 §4: the document must name the issuer that it was asked for.
    async fn discover(&self, issuer: &str) -> Result<String, String> {
        let url = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let body = self.fetcher.get(&url).await?;
        let document: Discovery =
            strict_json::parse(&body).map_err(|error| format!("its discovery document: {error}"))?;
        match document.issuer == issuer {
            true => Ok(document.jwks_uri),
            false => Err("its discovery document names another issuer".to_owned()),
        }
    }
}
