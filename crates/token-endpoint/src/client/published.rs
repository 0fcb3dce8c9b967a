//! Keys that others publish: a client's at its `jwks_uri`, an issuer's by its discovery document. Kept in memory, and asked
//! for again when they are a minute old: a key that has disappeared counts no longer than that. Whoever can't be reached is
//! believed for a day more, then not at all; its owner is told half a day before. What was read is kept in the database, too: a
//! node that starts meanwhile goes on from there.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, SubsecRound, Utc};
use domain::{
    Clock,
    assertion::Assertion,
    authentication::PublishedKeys,
    client::Client,
    credential::Proof,
    federation::{NamedKey, is_refused, named_keys, parse_set, stored_set},
    key_place::KeyPlace,
};
use fetch::Fetcher;
use jose::strict_json;
use serde::Deserialize;
use serde_json::{Map, Value};
use store::{Store, StoreError};

/// For so long nobody asks again.
const FRESH: Duration = Duration::from_secs(60);
/// So long after an answer was read it counts no more.
const BELIEVED: Duration = Duration::from_secs(24 * 3600);
/// So long after it, half of that, its owner is told.
const TOLD_AFTER: Duration = Duration::from_secs(12 * 3600);
/// So often an unchanged answer is kept in the database.
const KEPT_EVERY: Duration = Duration::from_secs(3600);
/// So often at most somebody is asked, whatever tokens say: also after a failure, and for a name that is not known.
const PAUSE: Duration = Duration::from_secs(10);
/// No real set has more.
const MOST_KEYS: usize = 50;
/// How many places are remembered.
const REMEMBERED: usize = 10_000;

/// What is known of a place.
#[derive(Default)]
struct Known {
    keys: Arc<Vec<NamedKey>>,
    /// When they were read, on the clock of [`Published::now`].
    read_at: Option<Duration>,
    /// When they were last kept in the database.
    kept_at: Option<Duration>,
    /// When the place was last asked.
    asked_at: Option<Duration>,
    /// Whether it gave no keys then.
    is_away: bool,
}

impl Known {
    fn is_within(at: Option<Duration>, now: Duration, limit: Duration) -> bool {
        at.is_some_and(|at| now.saturating_sub(at) < limit)
    }

    fn is_fresh(&self, kid: Option<&str>, now: Duration) -> bool {
        Self::is_within(self.read_at, now, FRESH) && self.knows(kid)
    }

    /// Whether it is time to ask; if so, it is asked now, whether or not somebody waits for the answer.
    fn is_to_be_asked(&mut self, kid: Option<&str>, now: Duration) -> bool {
        let is_time = !self.is_fresh(kid, now) && !Self::is_within(self.asked_at, now, PAUSE);
        if is_time {
            self.asked_at = Some(now);
        }
        is_time
    }

    /// Keys came of the question; whether they are to be kept.
    fn answered(&mut self, keys: Vec<NamedKey>, now: Duration) -> bool {
        let is_kept = *self.keys == keys && Self::is_within(self.kept_at, now, KEPT_EVERY);
        self.is_away = false;
        self.keys = Arc::new(keys);
        self.read_at = self.asked_at;
        !is_kept
    }

    /// What counts of it.
    fn believed(&self, now: Duration) -> Arc<Vec<NamedKey>> {
        match Self::is_within(self.read_at, now, BELIEVED) {
            true => Arc::clone(&self.keys),
            false => Arc::default(),
        }
    }

    fn knows(&self, kid: Option<&str>) -> bool {
        let is_meant = |key: &NamedKey| kid.is_none_or(|kid| key.kid.as_deref() == Some(kid));
        self.keys.iter().any(is_meant)
    }
}

/// A place, and what is known of it.
#[derive(Default)]
struct Entry {
    known: Mutex<Known>,
    /// Of those who need it at once, one asks.
    asking: tokio::sync::Mutex<()>,
}

impl Entry {
    /// Nothing in here can panic half-way.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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
    store: Store,
    places: Mutex<HashMap<KeyPlace, Arc<Entry>>>,
}

impl Published {
    pub(crate) fn new(
        fetcher: Fetcher,
        refused_issuers: Vec<String>,
        clock: Arc<dyn Clock>,
        store: Store,
    ) -> Self {
        Self {
            fetcher,
            refused_issuers,
            clock,
            store,
            places: Mutex::default(),
        }
    }

    /// The published keys that an assertion of this client may be signed by.
    pub(crate) async fn keys_for(
        &self,
        client: &Client,
        assertion: &Assertion<'_>,
    ) -> Result<PublishedKeys, StoreError> {
        let mut found = PublishedKeys::default();
        let places = client.credentials.iter();
        for place in places.filter_map(|credential| self.place_of(&credential.proof)) {
            let is_meant = match &place {
                KeyPlace::Set(_) => !assertion.is_federated(),
                KeyPlace::Issuer(issuer) => issuer == assertion.issuer(),
            };
            if is_meant && !found.contains_key(place.name()) {
                let keys = self.keys_at(&place, assertion.header("kid")).await?;
                found.insert(place.name().to_owned(), keys);
            }
        }
        Ok(found)
    }

    /// Where the keys of a credential are to be read, unless it has them itself or its issuer is refused.
    fn place_of(&self, proof: &Proof) -> Option<KeyPlace> {
        let place = KeyPlace::of(proof)?;
        let is_refused = matches!(&place, KeyPlace::Issuer(issuer) if self.refuses(issuer));
        (!is_refused).then_some(place)
    }

    /// Reads the keys of a credential, if others publish them; whether it is time to tell that this fails.
    pub(crate) async fn are_missing(&self, proof: &Proof) -> Result<bool, StoreError> {
        let Some(place) = self.place_of(proof) else {
            return Ok(false);
        };
        self.keys_at(&place, None).await?;
        let read_at = self.entry(&place).known().read_at;
        Ok(!Known::is_within(read_at, self.now(), TOLD_AFTER))
    }

    /// Whether an issuer is refused by configuration.
    pub(crate) fn refuses(&self, issuer: &str) -> bool {
        is_refused(issuer, &self.refused_issuers)
    }

    /// Whoever names a key that is known and fresh waits for nobody: a stranger who names another makes us ask, and the place
    /// may take its time. Nor does anybody wait for a place that was away, while there are keys to believe.
    async fn keys_at(&self, place: &KeyPlace, kid: Option<&str>) -> Result<Arc<Vec<NamedKey>>, StoreError> {
        let entry = self.entry(place);
        let now = || self.now();
        if entry.known().is_fresh(kid, now()) {
            return Ok(entry.known().believed(now()));
        }
        let _asking = match entry.asking.try_lock() {
            Ok(asking) => asking,
            Err(_) if entry.known().is_away => return Ok(entry.known().believed(now())),
            Err(_) => entry.asking.lock().await,
        };
        if !entry.known().is_to_be_asked(kid, now()) {
            return Ok(entry.known().believed(now()));
        }
        let asked_at = self.clock.now().trunc_subsecs(3);
        match self.read(place).await {
            Ok(keys) => self.keep(place, &entry, (keys, asked_at)).await,
            Err(error) => {
                log::warn!("the keys of {} can't be read: {error}", place.name());
                self.recall(place, &entry).await?;
                // Not earlier: from now on nobody waits.
                entry.known().is_away = true;
            }
        }
        Ok(entry.known().believed(now()))
    }

    /// The monotonic clock, put forward, so that it has an instant for what was read up to a day before it began.
    fn now(&self) -> Duration {
        self.clock.monotonic() + BELIEVED
    }

    /// Takes what was read. Where it is new, or was last kept an hour ago, the database gets it.
    async fn keep(&self, place: &KeyPlace, entry: &Entry, (keys, read_at): (Vec<NamedKey>, DateTime<Utc>)) {
        let (jwks, now) = (stored_set(&keys), self.now());
        if !entry.known().answered(keys, now) {
            return;
        }
        let kept = self.store.keep_published_keys(place.clone(), jwks, read_at).await;
        if let Err(error) = &kept {
            log::warn!("the keys of {} can't be kept: {error}", place.name());
        }
        entry.known().kept_at = kept.is_ok_and(|kept| kept).then_some(now);
    }

    /// A node that has read nothing there yet believes what was last kept, unless that is older than a day. Where the database
    /// doesn't say, the next request asks again.
    async fn recall(&self, place: &KeyPlace, entry: &Entry) -> Result<(), StoreError> {
        if entry.known().read_at.is_some() {
            return Ok(());
        }
        let kept = self.store.published_keys(place.clone()).await;
        let kept = kept.inspect_err(|_| entry.known().asked_at = None)?;
        let Some((jwks, read_at)) = kept else {
            return Ok(());
        };
        // What was read in the future was read by a clock that is wrong.
        let age = (self.clock.now() - read_at).to_std().ok();
        let age = age.filter(|age| *age < BELIEVED);
        if let (Some(age), Some(keys)) = (age, parse_set(&jwks)) {
            let mut known = entry.known();
            known.keys = Arc::new(keys);
            known.read_at = self.now().checked_sub(age);
        }
        Ok(())
    }

    fn entry(&self, place: &KeyPlace) -> Arc<Entry> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= REMEMBERED && !places.contains_key(place) {
            places.clear();
        }
        Arc::clone(places.entry(place.clone()).or_default())
    }

    async fn read(&self, place: &KeyPlace) -> Result<Vec<NamedKey>, String> {
        let set = match place {
            KeyPlace::Set(url) => url.clone(),
            KeyPlace::Issuer(issuer) => self.discover(issuer).await?,
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

#[cfg(test)]
#[path = "published_tests.rs"]
mod ageing;

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
        sync::atomic::{AtomicU64, Ordering},
        thread,
    };

    use super::*;

    #[derive(Default)]
    struct ManualClock(AtomicU64);

    impl Clock for ManualClock {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH + self.monotonic()
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(1_000 + self.0.load(Ordering::SeqCst))
        }
    }

    /// RFC 8037 appendix A.2.
    const SET: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"known","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    /// Answers once; whoever asks again waits.
    fn place() -> KeyPlace {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut first, _) = listener.accept().unwrap();
            assert!(first.read(&mut [0; 2048]).unwrap() > 0);
            let length = SET.len();
            write!(
                first,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{SET}"
            )
            .unwrap();
            drop(first);
            listener.incoming().flatten().collect::<Vec<TcpStream>>()
        });
        KeyPlace::Set(url)
    }

    fn at_once<T>(asked: impl Future<Output = T>) -> impl Future<Output = T> {
        let limit = Duration::from_secs(1);
        async move { tokio::time::timeout(limit, asked).await.unwrap() }
    }

    #[actix_web::test]
    async fn x02_a_stranger_who_names_another_key_makes_nobody_wait() {
        let clock = Arc::new(ManualClock::default());
        let known: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let folder = tempfile::tempdir().unwrap();
        let published = Arc::new(Published::new(
            Fetcher::new(true).unwrap(),
            Vec::new(),
            known,
            ageing::store(folder.path()),
        ));
        let place = place();
        assert_eq!(published.keys_at(&place, Some("known")).await.unwrap().len(), 1);
        for (seconds, why) in [(11, "the key is fresh"), (61, "the place was away a minute ago")] {
            clock.0.store(seconds, Ordering::SeqCst);
            let stranger = actix_web::rt::spawn({
                let (published, place) = (Arc::clone(&published), place.clone());
                async move { published.keys_at(&place, Some("another")).await.unwrap().len() }
            });
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(!stranger.is_finished(), "it is asked");
            let keys = at_once(published.keys_at(&place, Some("known"))).await;
            assert_eq!(keys.unwrap().len(), 1, "{why}");
            stranger.await.unwrap();
        }
    }
}
