//! Use of secrets, gathered in memory and flushed in the background: no row is written per token.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{Store, StoreError};

/// At most this many secrets between two flushes; a flush every few seconds keeps far below.
const CAPACITY: usize = 100_000;

/// What one secret did since the last flush.
#[derive(Clone, Debug)]
pub struct Usage {
    /// When a token was last issued.
    pub last_used_at: DateTime<Utc>,
    /// The address it was asked from.
    pub source: String,
    /// The client library, by its User-Agent.
    pub user_agent: String,
    /// Tokens issued.
    pub tokens: i64,
}

/// Gathers until flushed; bounded.
#[derive(Default)]
pub struct UsageRecorder {
    gathered: Mutex<HashMap<Uuid, Usage>>,
}

impl UsageRecorder {
    /// Counts one token.
    pub fn record(&self, secret_id: Uuid, now: DateTime<Utc>, source: &str, user_agent: &str) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(usage) = gathered.get_mut(&secret_id) {
            usage.tokens += 1;
            usage.last_used_at = now;
            replace(&mut usage.source, source);
            replace(&mut usage.user_agent, user_agent);
        } else if gathered.len() < CAPACITY {
            let (source, user_agent) = (source.to_owned(), user_agent.to_owned());
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

    /// Writes what was gathered; on failure it is kept for the next time.
    pub async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let taken = std::mem::take(&mut *self.gathered.lock().unwrap_or_else(PoisonError::into_inner));
        let rows: Vec<_> = taken.into_iter().collect();
        for chunk in rows.chunks(200) {
            if let Err(error) = store.add_usage(chunk.to_vec()).await {
                self.give_back(chunk);
                log::warn!(
                    "use of {} secrets could not be written and is kept: {error}",
                    chunk.len()
                );
            }
        }
        Ok(())
    }

    fn give_back(&self, rows: &[(Uuid, Usage)]) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, usage) in rows {
            gathered
                .entry(*id)
                .and_modify(|newer| newer.tokens += usage.tokens)
                .or_insert_with(|| usage.clone());
        }
    }
}

fn replace(kept: &mut String, new: &str) {
    if kept != new {
        new.clone_into(kept);
    }
}
