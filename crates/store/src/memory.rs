//! Memory under a lease: the token path answers from memory only while a poll that was sent less than one lease ago
//! has been applied. Without a lease, and on every miss, it reads the database.
//!
//! Why no deleted secret outlives its DELETE: the deletion commits at some instant, and is answered one lease later.
//! A request that begins after the answer and finds a valid lease knows a poll that was sent after the commit, which
//! therefore saw the deletion's version and evicted the client before the lease was published.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{Clock, client::Client, pepper::Digest};
use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::{Store, StoreError};

/// How many clients are remembered; the least useful ones are read again.
const CAPACITY: usize = 200_000;

/// The clients that this node has seen, valid under its lease.
pub struct ClientMemory {
    store: Store,
    clock: Arc<dyn Clock>,
    lease: Duration,
    clients: Cache<Uuid, Arc<Client>>,
    /// The version that evictions have been applied up to. Held while entries go in or out.
    applied: Mutex<i64>,
    /// End of the lease in nanoseconds of the monotonic clock; 0 is none.
    valid_until: AtomicU64,
}

impl ClientMemory {
    /// An empty memory without a lease.
    pub fn new(store: Store, clock: Arc<dyn Clock>, lease: Duration) -> Self {
        let (clients, applied, valid_until) = (Cache::new(CAPACITY), Mutex::new(0), AtomicU64::new(0));
        Self {
            store,
            clock,
            lease,
            clients,
            applied,
            valid_until,
        }
    }

    /// The client that one of the digests belongs to, by memory or database.
    pub async fn find(&self, client_id: Uuid, digests: &[Digest]) -> Result<Option<Arc<Client>>, StoreError> {
        if self.has_lease()
            && let Some(client) = self.clients.get(&client_id)
            && client
                .secrets
                .iter()
                .any(|secret| digests.contains(&secret.digest))
        {
            return Ok(Some(client));
        }
        let loaded = self.store.load_client(digests.to_vec()).await?;
        let found = loaded
            .client
            .filter(|client| client.client_id == client_id)
            .map(Arc::new);
        if let Some(client) = &found {
            self.keep(loaded.version, client);
        }
        Ok(found)
    }

    /// Whether memory may answer now.
    pub fn has_lease(&self) -> bool {
        nanos(self.clock.monotonic()) < self.valid_until.load(Ordering::Acquire)
    }

    /// Asks the database what changed, forgets it, and renews the lease from the instant before the question.
    pub async fn poll(&self) -> Result<(), StoreError> {
        let asked_at = self.clock.monotonic();
        let since = *self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = self.store.changes_since(since).await?;
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        match changes.clients {
            Some(clients) => clients
                .iter()
                .for_each(|client_id| drop(self.clients.remove(client_id))),
            None => self.clients.clear(),
        }
        *applied = changes.version;
        self.valid_until
            .store(nanos(asked_at + self.lease), Ordering::Release);
        Ok(())
    }

    /// Waits until every node's memory has met the changes that were committed before.
    pub async fn settle(&self) {
        tokio::time::sleep(self.lease).await;
    }

    /// What was read at an older version than the evictions that were applied since may be outdated: don't keep it.
    fn keep(&self, version: i64, client: &Arc<Client>) {
        let applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        if version >= *applied {
            self.clients.insert(client.client_id, Arc::clone(client));
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
