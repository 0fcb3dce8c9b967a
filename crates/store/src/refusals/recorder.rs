//! Refusals since the last flush, aggregated by cause, client, credential and network, with a count and the latest
//! request ids. Holders of credentials have a capacity of their own that nobody else can fill, and no network can
//! fill that of the others.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use domain::source::network;
use uuid::Uuid;

use crate::{Store, StoreError};

/// Capacity between two flushes: for refusals of credential holders, and for others.
const OF_CREDENTIALS: usize = 5000;
const OF_OTHERS: usize = 400;
/// Of the others, the limits per network and per network and cause. Further refusals are counted without their client
/// id, which may be invented.
const OF_ONE_NETWORK: usize = 40;
const OF_ONE_CAUSE: usize = 10;
/// Request ids kept per entry.
const TRACES: usize = 16;
/// Entries written per transaction.
const CHUNK: usize = 50;

/// A refused request. Contains no part of a presented secret.
#[derive(Clone, Debug)]
pub struct RefusedRequest {
    /// When.
    pub at: DateTime<Utc>,
    /// The request id.
    pub trace_id: Uuid,
    /// The client id in the request, which may not exist.
    pub client_id: Option<Uuid>,
    /// The credential whose possession the request proved, live or not.
    pub credential_id: Option<Uuid>,
    /// The cause.
    pub cause: &'static str,
    /// The route.
    pub route: String,
    /// The source address.
    pub source: IpAddr,
    /// The user agent.
    pub user_agent: String,
    /// The requested resource.
    pub resource: Option<String>,
}

/// What aggregated refusals have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) day: NaiveDate,
    pub(crate) client_id: Option<Uuid>,
    pub(crate) credential_id: Option<Uuid>,
    pub(crate) cause: &'static str,
    pub(crate) route: String,
    pub(crate) network: IpAddr,
    /// Only for credential holders; others could invent any number.
    pub(crate) resource: Option<String>,
}

/// What is aggregated over them.
#[derive(Clone, Debug)]
pub(crate) struct Repeated {
    pub(crate) first_at: DateTime<Utc>,
    pub(crate) last_at: DateTime<Utc>,
    pub(crate) source: IpAddr,
    pub(crate) user_agent: String,
    pub(crate) resource: Option<String>,
    /// The latest request ids, the newest last.
    pub(crate) traces: VecDeque<(Uuid, DateTime<Utc>)>,
    pub(crate) times: i64,
}

#[derive(Default)]
struct Gathered {
    of_credentials: HashMap<Key, Repeated>,
    of_others: HashMap<Key, Repeated>,
    /// How many of the others there are, by network, and by network and cause.
    shares: HashMap<(IpAddr, Option<&'static str>), usize>,
}

impl Gathered {
    /// Whether a network may add an entry with its client id.
    fn has_room(&self, key: &Key) -> bool {
        let used = |cause| {
            self.shares
                .get(&(key.network, cause))
                .copied()
                .unwrap_or_default()
        };
        used(None) < OF_ONE_NETWORK && used(Some(key.cause)) < OF_ONE_CAUSE
    }

    fn use_room(&mut self, key: &Key) {
        for cause in [None, Some(key.cause)] {
            *self.shares.entry((key.network, cause)).or_default() += 1;
        }
    }

    fn rows(&mut self, key: &Key) -> (&mut HashMap<Key, Repeated>, usize) {
        match key.credential_id {
            Some(_) => (&mut self.of_credentials, OF_CREDENTIALS),
            None => (&mut self.of_others, OF_OTHERS),
        }
    }
}

/// Collects refusals until the next flush; bounded.
#[derive(Default)]
pub struct RefusalRecorder {
    gathered: Mutex<Gathered>,
    left_out: AtomicU64,
    /// Serialises flushes, so that a reader waits for one in progress.
    flushing: tokio::sync::Mutex<()>,
}

impl RefusalRecorder {
    /// Records a refusal.
    pub fn record(&self, refused: RefusedRequest) {
        let at = refused.at.trunc_subsecs(3);
        let holds_credential = refused.credential_id.is_some();
        let key = Key {
            day: at.date_naive(),
            client_id: refused.client_id,
            credential_id: refused.credential_id,
            cause: refused.cause,
            route: refused.route,
            network: network(refused.source),
            resource: refused.resource.clone().filter(|_| holds_credential),
        };
        let one = Repeated {
            first_at: at,
            last_at: at,
            source: refused.source,
            user_agent: refused.user_agent,
            resource: refused.resource,
            traces: VecDeque::from([(refused.trace_id, at)]),
            times: 1,
        };
        self.add(key, one);
    }

    /// Writes what was collected. What can't be written is kept for the next flush, and the error returned.
    pub async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let _alone = self.flushing.lock().await;
        let Gathered {
            of_credentials,
            of_others,
            ..
        } = std::mem::take(&mut *self.gathered());
        let mut rows: Vec<_> = of_credentials.into_iter().chain(of_others).collect();
        // Nodes that write the same rows lock them in the same order.
        rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let mut outcome = Ok(());
        for chunk in rows.chunks(CHUNK) {
            if outcome.is_ok() {
                outcome = store.add_refusals(chunk.to_vec()).await;
            }
            if outcome.is_err() {
                chunk
                    .iter()
                    .cloned()
                    .for_each(|(key, repeated)| self.add(key, repeated));
            }
        }
        outcome
    }

    /// How many refusals were dropped.
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    fn add(&self, mut key: Key, one: Repeated) {
        let mut gathered = self.gathered();
        let is_others = key.credential_id.is_none();
        if is_others && !gathered.of_others.contains_key(&key) && !gathered.has_room(&key) {
            key.client_id = None;
        }
        let (rows, capacity) = gathered.rows(&key);
        if let Some(known) = rows.get_mut(&key) {
            known.add(one);
        } else if rows.len() < capacity {
            rows.insert(key.clone(), one);
            if is_others {
                gathered.use_room(&key);
            }
        } else {
            let times = one.times.unsigned_abs();
            self.left_out.fetch_add(times, Ordering::Relaxed);
        }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Repeated {
    fn add(&mut self, other: Self) {
        self.times += other.times;
        self.first_at = self.first_at.min(other.first_at);
        let newer = other.last_at >= self.last_at;
        for trace in other.traces {
            match newer {
                true => self.traces.push_back(trace),
                false => self.traces.push_front(trace),
            }
        }
        while self.traces.len() > TRACES {
            // The first id stays: it marks the beginning.
            let _ = self.traces.remove(1);
        }
        if newer {
            self.last_at = other.last_at;
            self.source = other.source;
            self.user_agent = other.user_agent;
            self.resource = other.resource;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(client: u128, credential: Option<u128>, source: &str) -> RefusedRequest {
        RefusedRequest {
            at: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            trace_id: Uuid::from_u128(client),
            client_id: Some(Uuid::from_u128(client)),
            credential_id: credential.map(Uuid::from_u128),
            cause: "wrong_secret",
            route: "/oauth2/token".to_owned(),
            source: source.parse().unwrap(),
            user_agent: "test".to_owned(),
            resource: None,
        }
    }

    #[test]
    fn a_flood_fills_neither_memory_nor_the_room_of_others() {
        let recorder = RefusalRecorder::default();
        for client in 0..100_000 {
            recorder.record(refused(client, None, "2001:db8::1"));
        }
        {
            let gathered = recorder.gathered();
            assert_eq!(gathered.of_others.len(), OF_ONE_CAUSE + 1);
            let times: i64 = gathered.of_others.values().map(|row| row.times).sum();
            assert_eq!(times, 100_000, "every one is counted");
            let traces = gathered.of_others.values().map(|row| row.traces.len());
            assert!(traces.max().unwrap() <= TRACES);
        }
        recorder.record(refused(7, None, "192.0.2.1"));
        recorder.record(refused(7, Some(1), "2001:db8::1"));
        for host in 0..10_000_u32 {
            recorder.record(refused(1, None, &std::net::Ipv4Addr::from(host).to_string()));
        }
        recorder.record(refused(8, Some(2), "2001:db8::1"));
        let gathered = recorder.gathered();
        assert_eq!(gathered.of_others.len(), OF_OTHERS);
        assert_eq!(
            gathered.of_credentials.len(),
            2,
            "who holds a credential is heard"
        );
        assert!(
            gathered
                .of_others
                .keys()
                .any(|key| key.network.to_string() == "192.0.2.1")
        );
        assert!(recorder.left_out() > 9000);
    }

    #[test]
    fn repetitions_are_counted_and_the_first_and_the_latest_are_known() {
        let recorder = RefusalRecorder::default();
        for second in 0..100 {
            let mut one = refused(1, Some(1), "192.0.2.1");
            one.at += chrono::TimeDelta::seconds(second);
            one.trace_id = Uuid::from_u128(second as u128);
            recorder.record(one);
        }
        let gathered = recorder.gathered();
        let row = gathered.of_credentials.values().next().unwrap();
        let ends = [row.traces.front(), row.traces.back()].map(|trace| trace.unwrap().0.as_u128());
        assert_eq!((row.times, row.traces.len(), ends), (100, TRACES, [0, 99]));
        assert_eq!((row.last_at - row.first_at).num_seconds(), 99);
    }
}
