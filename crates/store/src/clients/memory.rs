//! The client cache under a lease: the token path answers from memory only while a poll that was sent less than one
//! lease ago has been applied. Without a lease, and on a cache miss, it reads the database.
//!
//! Why no deleted secret is used after its DELETE was answered: the deletion commits at some instant, and is answered
//! one lease later. A request that begins after the answer and finds a valid lease relies on a poll that was sent
//! after the commit, which therefore saw the deletion's version and evicted the client before the lease was
//! published. `docs/ARCHITECTURE.md` has the full argument, `tests/it/lease_model` a model of it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use domain::{Clock, client::Client, digest::Digest};
use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    clients::{
        changes::Changes,
        heartbeats::{HEARTBEAT_LASTS, Heartbeats},
        lookup::LoadedClient,
        nodes::{Heartbeat, Standbys},
    },
    turns::for_all,
};

/// Allowed duration of a lease in milliseconds: shorter ones cost more polls than they save, and every DELETE waits
/// for the longest.
pub const LEASE_MS: std::ops::RangeInclusive<u64> = 100..=5000;
/// Interval of a node's heartbeat.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(2);

/// Default capacity in clients; the least useful ones are evicted.
const CLIENTS: usize = 200_000;
/// Allowed clock drift between machines during a lease: 1 in this many.
const CLOCK_RATE: u32 = 400;

/// The cache of clients on this node, valid under its lease.
pub struct ClientMemory {
    store: Store,
    clock: Arc<dyn Clock>,
    lease: Duration,
    clients: Cache<Uuid, Arc<Client>>,
    /// The version up to which evictions have been applied. Locked while entries are inserted or evicted.
    applied: Mutex<i64>,
    /// End of the lease in nanoseconds of the monotonic clock; 0 is no lease.
    valid_until: AtomicU64,
    /// This node's id.
    node: Uuid,
    liveness: Mutex<Liveness>,
    /// Locked while a caller proves that the database can commit; the others wait for that proof. Holds when the last
    /// one failed.
    proving: tokio::sync::Mutex<Option<Duration>>,
}

/// Heartbeats of this node and of the others.
struct Liveness {
    heartbeats_sent: i64,
    /// When the last committed heartbeat was sent.
    last_heartbeat: Option<Duration>,
    heartbeats: Heartbeats,
    standbys: Standbys,
    /// How far this node's wall clock is ahead of the database's.
    clock_ahead: TimeDelta,
}

impl ClientMemory {
    /// An empty cache without a lease, for a node with a unique id.
    pub fn new(store: Store, clock: Arc<dyn Clock>, lease: Duration, node: Uuid) -> Self {
        Self {
            store,
            clock,
            lease,
            clients: Cache::new(CLIENTS),
            applied: Mutex::new(0),
            valid_until: AtomicU64::new(0),
            node,
            liveness: Mutex::new(Liveness {
                heartbeats_sent: 0,
                last_heartbeat: None,
                heartbeats: Heartbeats::default(),
                standbys: Standbys::None,
                clock_ahead: TimeDelta::zero(),
            }),
            proving: tokio::sync::Mutex::default(),
        }
    }

    /// With a capacity of this many clients.
    pub fn with_room_for(self, clients: usize) -> Self {
        Self {
            clients: Cache::new(clients),
            ..self
        }
    }

    /// The client that one of the digests belongs to, if it is cached and the lease is valid.
    pub fn recall(&self, client_id: Uuid, digests: &[Digest]) -> Option<Arc<Client>> {
        let known = |client: &Arc<Client>| {
            let mut credentials = client.credentials.iter();
            credentials.any(|credential| credential.proof.is_secret_of(digests))
        };
        self.has_lease()
            .then(|| self.clients.get(&client_id).filter(known))
            .flatten()
    }

    /// The client that one of the digests belongs to, from the cache or the database.
    pub async fn find(&self, client_id: Uuid, digests: &[Digest]) -> Result<Option<Arc<Client>>, StoreError> {
        if let Some(client) = self.recall(client_id, digests) {
            return Ok(Some(client));
        }
        let loaded = self.confirmed(self.store.load_client(digests.to_vec())).await?;
        let own = loaded.filter(|loaded| loaded.client.client_id == client_id);
        Ok(own.map(|loaded| self.keep(loaded)))
    }

    /// The client, if it is cached and the lease is valid; credentials newer than the cache entry may be missing, and
    /// are found by [`ClientMemory::read`].
    pub fn recall_known(&self, client_id: Uuid) -> Option<Arc<Client>> {
        self.has_lease().then(|| self.clients.get(&client_id)).flatten()
    }

    /// The client as the database has it now, if it is enabled.
    pub async fn read(&self, client_id: Uuid) -> Result<Option<Arc<Client>>, StoreError> {
        let loaded = self.confirmed(self.store.load_client_by_id(client_id)).await?;
        Ok(loaded.map(|loaded| self.keep(loaded)))
    }

    /// Whether the lease is valid, so that the cache may answer.
    pub fn has_lease(&self) -> bool {
        nanos(self.clock.monotonic()) < self.valid_until.load(Ordering::Acquire)
    }

    /// Returns the result of a read that must reflect every change answered before. As a failover may have gone
    /// unnoticed where there are standbys, the read is trusted under a lease, or once the database has committed
    /// something since.
    pub async fn confirmed<T>(
        &self,
        reading: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let asked_at = self.clock.monotonic();
        let leased = self.has_lease();
        let found = reading.await?;
        if !leased && self.liveness().standbys != Standbys::None {
            self.prove(asked_at).await?;
        }
        Ok(found)
    }

    /// Makes the database commit something after this instant. Callers that waited for another's attempt share its
    /// outcome: otherwise each would wait for the time-outs of all before it.
    async fn prove(&self, since: Duration) -> Result<(), StoreError> {
        let mut failed_at = self.proving.lock().await;
        if self.polled_since(since) {
            return Ok(());
        }
        if failed_at.is_some_and(|failed_at| failed_at >= since) {
            return Err(StoreError::Busy);
        }
        // Others wait for it, so it must not queue in the share of one source.
        let outcome = for_all(self.poll()).await;
        if outcome.is_err() {
            *failed_at = Some(self.clock.monotonic());
        }
        outcome
    }

    /// Whether a poll that was sent after this instant has been applied.
    fn polled_since(&self, instant: Duration) -> bool {
        let sent_at = self
            .valid_until
            .load(Ordering::Acquire)
            .saturating_sub(nanos(self.lease));
        sent_at >= nanos(instant)
    }

    /// Polls the database for changes, evicts the clients concerned, and renews the lease, counted from before the
    /// query was sent. A database with standbys must commit first: an old primary cut off from its synchronous
    /// standbys can't, so a node that has not noticed the failover gets no lease from it.
    pub async fn poll(&self) -> Result<(), StoreError> {
        let asked_at = self.clock.monotonic();
        let (last_heartbeat, standbys) = {
            let liveness = self.liveness();
            (liveness.last_heartbeat, liveness.standbys)
        };
        match last_heartbeat {
            Some(last) if asked_at.saturating_sub(last) < HEARTBEAT_LASTS => {
                if standbys != Standbys::None {
                    self.send_heartbeat(asked_at).await?;
                }
            }
            // The other nodes would take this one for dead.
            _ => self.heartbeat().await?,
        }
        let since = *self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.store.changes_since(since).await?;
        self.apply(since, asked_at, changes);
        Ok(())
    }

    /// Heartbeat: reads the database's state, records that this node is alive, and observes the other nodes; to be
    /// called every [`HEARTBEAT_EVERY`]. The state comes first: it says whether a heartbeat must prove a commit.
    pub async fn heartbeat(&self) -> Result<(), StoreError> {
        let (now, before) = (self.clock.monotonic(), self.clock.now());
        let state = self.store.server_state().await?;
        let after = self.clock.now();
        // The database's clock was read at some time between the two.
        let clock_ahead = state.clock.map_or(TimeDelta::zero(), |theirs| {
            (before - theirs).max(TimeDelta::zero()) + (after - theirs).min(TimeDelta::zero())
        });
        {
            let mut liveness = self.liveness();
            (liveness.standbys, liveness.clock_ahead) = (state.standbys, clock_ahead);
        }
        self.send_heartbeat(now).await?;
        let leases = self.store.leases_ahead().await?;
        let gone = {
            let mut liveness = self.liveness();
            liveness.heartbeats.longest_lease(&leases.nodes, now);
            liveness.heartbeats.forgotten(now)
        };
        if gone.is_empty() {
            return Ok(());
        }
        self.store.forget_nodes(gone).await
    }

    async fn send_heartbeat(&self, now: Duration) -> Result<(), StoreError> {
        let number = {
            let mut liveness = self.liveness();
            liveness.heartbeats_sent += 1;
            liveness.heartbeats_sent
        };
        let heartbeat = Heartbeat {
            node: self.node,
            lease_ms: i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX),
            number,
            at: self.clock.now(),
        };
        self.store.heartbeat(heartbeat).await?;
        let mut liveness = self.liveness();
        liveness.last_heartbeat = liveness.last_heartbeat.max(Some(now));
        Ok(())
    }

    fn liveness(&self) -> MutexGuard<'_, Liveness> {
        self.liveness.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database's standbys, as last observed.
    pub fn standbys(&self) -> Standbys {
        self.liveness().standbys
    }

    /// By how much this node's wall clock is ahead of the database's (negative: behind), at least.
    pub fn clock_ahead(&self) -> TimeDelta {
        self.liveness().clock_ahead
    }

    /// Age of the last applied poll, from when it was sent; `None` before the first.
    pub fn poll_age(&self) -> Option<Duration> {
        let until = Duration::from_nanos(self.valid_until.load(Ordering::Acquire));
        let sent = until.checked_sub(self.lease).filter(|_| !until.is_zero())?;
        Some(self.clock.monotonic().saturating_sub(sent))
    }

    /// Applies the result of a poll that was sent at `asked_at` with the version `since`. Polls may overlap: a result
    /// overtaken by a newer one is ignored, and neither the version nor the lease moves back.
    fn apply(&self, since: i64, asked_at: Duration, changes: Changes) {
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        // A version below the one known when the poll was sent is no late result: the database itself was restored to
        // an earlier state.
        let overtaken = changes.version < *applied && since <= changes.version;
        if overtaken {
            return;
        }
        match changes.clients.filter(|_| changes.version >= since) {
            Some(clients) => clients
                .iter()
                .for_each(|client_id| drop(self.clients.remove(client_id))),
            None => self.clients.clear(),
        }
        *applied = changes.version;
        self.valid_until
            .fetch_max(nanos(asked_at + self.lease), Ordering::AcqRel);
    }

    /// Waits until no node's cache is older than the changes committed before: for the longest lease of any node that
    /// may hold one, as the database knows them now. A node whose first heartbeat comes later polls later, too.
    pub async fn settle(&self) -> Result<(), StoreError> {
        let leases = self.store.leases().await?;
        let now = self.clock.monotonic();
        let of_nodes = self.liveness().heartbeats.longest_lease(&leases.nodes, now);
        let without_row = Duration::from_millis(leases.without_row_ms.unsigned_abs());
        let longest = without_row
            .max(of_nodes)
            .min(Duration::from_millis(*LEASE_MS.end()))
            .max(self.lease);
        tokio::time::sleep(longest + longest / CLOCK_RATE).await;
        Ok(())
    }

    /// The duration of a lease.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// Caches a loaded client, unless evictions applied since it was read make it possibly stale.
    fn keep(&self, LoadedClient { version, client }: LoadedClient) -> Arc<Client> {
        let client = Arc::new(client);
        let applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        if version >= *applied {
            self.clients.insert(client.client_id, Arc::clone(&client));
        }
        client
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::DatabaseUrl;

    const LEASE: Duration = Duration::from_millis(500);

    /// A monotonic clock that is set by hand.
    #[derive(Default)]
    struct ManualClock(AtomicU64);

    impl Clock for ManualClock {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH
        }

        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    fn memory(dir: &tempfile::TempDir) -> (ClientMemory, Arc<ManualClock>) {
        let url = format!("sqlite:{}", dir.path().join("memory.db").display());
        let store = Store::create(&DatabaseUrl::parse(&url).unwrap(), 1).unwrap();
        let clock = Arc::new(ManualClock::default());
        let memory = ClientMemory::new(store, Arc::clone(&clock) as _, LEASE, Uuid::from_u128(1));
        (memory, clock)
    }

    fn loaded(version: i64, number: u128) -> LoadedClient {
        let client = Client {
            client_id: Uuid::from_u128(number),
            profile: domain::profile::Profile::Standard,
            credentials: Vec::new(),
            grants: Vec::new(),
            dpop_bound_access_tokens: false,
            networks: Default::default(),
        };
        LoadedClient { version, client }
    }

    fn changes(version: i64, clients: &[u128]) -> Changes {
        Changes {
            version,
            clients: Some(clients.iter().copied().map(Uuid::from_u128).collect()),
        }
    }

    fn millis(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn an_answer_that_a_newer_one_has_overtaken_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let (memory, clock) = memory(&dir);
        memory.apply(0, millis(0), changes(5, &[]));
        // Two polls know version 5; the second one, sent later, is answered first.
        memory.apply(5, millis(200), changes(7, &[1]));
        memory.apply(5, millis(100), changes(6, &[]));
        assert_eq!(*memory.applied.lock().unwrap(), 7);
        memory.keep(loaded(6, 1));
        assert!(
            memory.clients.get(&Uuid::from_u128(1)).is_none(),
            "what was read before the eviction does not come back"
        );
        clock.0.store(699, Ordering::SeqCst);
        assert!(memory.has_lease(), "the lease of the newer poll stays");
        // An overtaken result extends no lease, however late it was sent.
        memory.apply(5, millis(690), changes(6, &[]));
        clock.0.store(700, Ordering::SeqCst);
        assert!(!memory.has_lease());
    }

    #[test]
    fn an_earlier_question_with_a_newer_answer_is_applied_and_shortens_no_lease() {
        let dir = tempfile::tempdir().unwrap();
        let (memory, clock) = memory(&dir);
        memory.apply(0, millis(0), changes(5, &[]));
        memory.keep(loaded(5, 1));
        memory.apply(5, millis(200), changes(6, &[]));
        memory.apply(5, millis(100), changes(7, &[1]));
        assert_eq!(*memory.applied.lock().unwrap(), 7);
        assert!(memory.clients.get(&Uuid::from_u128(1)).is_none());
        clock.0.store(699, Ordering::SeqCst);
        assert!(memory.has_lease());
    }

    #[test]
    fn a_database_that_went_back_empties_the_memory() {
        let dir = tempfile::tempdir().unwrap();
        let (memory, _clock) = memory(&dir);
        memory.apply(0, millis(0), changes(5, &[]));
        memory.keep(loaded(5, 1));
        memory.apply(5, millis(100), changes(3, &[]));
        assert_eq!(*memory.applied.lock().unwrap(), 3);
        assert!(memory.clients.get(&Uuid::from_u128(1)).is_none());
    }
}
