//! Usage of credentials, collected in memory and flushed in the background: no row is written per token.
//!
//! A flush waits for the database's result, however late: what was written is not written again, and what was not is
//! kept for the next flush. Only a connection lost between COMMIT and its answer leaves the result unknown; then the
//! usage is kept, and may count twice.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    clients::{
        late_use::{LateUse, Reason},
        rehashes::Rehashes,
        usage_profiles::UsageProfileRecorder,
    },
};

pub use crate::clients::rehashes::Rehash;

/// Limit of secrets between two flushes; flushing every few seconds keeps far below.
const CAPACITY: usize = 100_000;
/// Secrets written per transaction, which locks their rows.
const CHUNK: usize = 200;

/// One secret's usage since the last flush.
#[derive(Clone, Debug)]
pub struct Usage {
    /// When a token was last issued.
    pub last_used_at: DateTime<Utc>,
    /// The source address of that request.
    pub source: IpAddr,
    /// The client library, by its User-Agent.
    pub user_agent: String,
    /// Tokens issued.
    pub tokens: i64,
}

/// Collects usage until the next flush; bounded.
#[derive(Default)]
pub struct UsageRecorder {
    gathered: Mutex<HashMap<Uuid, Usage>>,
    late: LateUse,
    rehashes: Rehashes,
    profiles: UsageProfileRecorder,
    /// Serialises flushes: the last one, at shutdown, waits for what an earlier one could not write.
    flushing: tokio::sync::Mutex<()>,
}

impl UsageRecorder {
    /// Counts one token.
    pub fn record(&self, secret_id: Uuid, now: DateTime<Utc>, source: IpAddr, user_agent: &str) {
        let mut gathered = self.gathered();
        if let Some(usage) = gathered.get_mut(&secret_id) {
            usage.tokens += 1;
            usage.last_used_at = now;
            usage.source = source;
            if usage.user_agent != user_agent {
                user_agent.clone_into(&mut usage.user_agent);
            }
        } else if gathered.len() < CAPACITY {
            let user_agent = user_agent.to_owned();
            gathered.insert(
                secret_id,
                Usage {
                    last_used_at: now,
                    source,
                    user_agent,
                    tokens: 1,
                },
            );
        }
    }

    /// Records the new digest of a secret that is stored under an earlier pepper version.
    pub fn record_rehash(&self, secret_id: Uuid, rehash: Rehash) {
        self.rehashes.record(secret_id, rehash);
    }

    /// Counts one token of an application, and its source.
    pub fn record_client(&self, client_id: Uuid, now: DateTime<Utc>, source: IpAddr) {
        self.profiles.record(client_id, now, source);
    }

    /// Records that an expired secret was presented.
    pub fn record_expired(&self, secret_id: Uuid, now: DateTime<Utc>) {
        self.late.record((secret_id, Reason::Expired), now);
    }

    /// Records that a suspended credential was presented.
    pub fn record_suspended(&self, credential_id: Uuid, now: DateTime<Utc>) {
        self.late.record((credential_id, Reason::Suspended), now);
    }

    /// Writes what was collected. What can't be written is kept for the next flush, and the error returned. Takes as
    /// long as the database does; cancelling it loses what is in progress.
    pub async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let _alone = self.flushing.lock().await;
        let mut rows: Vec<_> = std::mem::take(&mut *self.gathered()).into_iter().collect();
        // Nodes that write the same secrets lock them in the same order, so that neither waits for the other.
        rows.sort_unstable_by_key(|(id, _)| *id);
        let mut outcome = self.late.flush(store).await;
        if outcome.is_ok() {
            outcome = self.rehashes.flush(store).await;
        }
        if outcome.is_ok() {
            outcome = self.profiles.flush(store).await;
        }
        for chunk in rows.chunks(CHUNK) {
            if matches!(outcome, Err(StoreError::Busy | StoreError::Unreachable(_))) {
                self.give_back(chunk);
            } else if let Err(error) = store.add_usage(chunk.to_vec()).await {
                self.give_back(chunk);
                outcome = Err(error);
            }
        }
        outcome
    }

    /// How many secrets have usage to be written.
    pub fn waiting(&self) -> usize {
        self.gathered().len()
    }

    fn give_back(&self, rows: &[(Uuid, Usage)]) {
        let mut gathered = self.gathered();
        let mut dropped = 0;
        for (id, usage) in rows {
            if let Some(newer) = gathered.get_mut(id) {
                newer.tokens += usage.tokens;
            } else if gathered.len() < CAPACITY {
                gathered.insert(*id, usage.clone());
            } else {
                dropped += usage.tokens;
            }
        }
        if dropped > 0 {
            log::warn!("{dropped} tokens are missing from the counts: {CAPACITY} secrets wait to be written");
        }
    }

    fn gathered(&self) -> MutexGuard<'_, HashMap<Uuid, Usage>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded() {
        let recorder = UsageRecorder::default();
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let secret = |number: usize| Uuid::from_u128(number as u128);
        (0..CAPACITY).for_each(|number| recorder.record(secret(number), now, [192, 0, 2, 1].into(), ""));
        let known = recorder.gathered()[&secret(0)].clone();
        recorder.give_back(&[(secret(0), known.clone()), (secret(CAPACITY), known)]);
        let gathered = recorder.gathered();
        assert_eq!((gathered.len(), gathered[&secret(0)].tokens), (CAPACITY, 2));
    }
}
