//! Presented values of expired secrets, gathered in memory: no row is written per request, and only a value that really
//! matches an expired secret gets here.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use diesel::{Connection, prelude::*};
use uuid::Uuid;

use crate::{Store, StoreError, database::schema::client_secrets};

/// At most this many secrets between two flushes.
const CAPACITY: usize = 100_000;
/// How many secrets one transaction writes.
const CHUNK: usize = 200;

/// Gathers until flushed; bounded.
#[derive(Default)]
pub(crate) struct LateUse(Mutex<HashMap<Uuid, DateTime<Utc>>>);

impl LateUse {
    pub(crate) fn record(&self, secret_id: Uuid, now: DateTime<Utc>) {
        let mut gathered = self.gathered();
        if gathered.len() < CAPACITY || gathered.contains_key(&secret_id) {
            let at = gathered.entry(secret_id).or_insert(now);
            *at = now.max(*at);
        }
    }

    /// Writes what was gathered; what could not be written is kept. Writing the same twice does no harm.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let mut rows: Vec<_> = std::mem::take(&mut *self.gathered()).into_iter().collect();
        rows.sort_unstable();
        let mut outcome = Ok(());
        for chunk in rows.chunks(CHUNK) {
            if outcome.is_ok() {
                outcome = store.add_late_use(chunk.to_vec()).await;
            }
            if outcome.is_err() {
                chunk.iter().for_each(|(id, at)| self.record(*id, *at));
            }
        }
        outcome
    }

    fn gathered(&self) -> MutexGuard<'_, HashMap<Uuid, DateTime<Utc>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    async fn add_late_use(&self, rows: Vec<(Uuid, DateTime<Utc>)>) -> Result<(), StoreError> {
        self.run_to_end(move |connection| {
            connection.transaction(|connection| {
                for (id, at) in rows {
                    let at = at.naive_utc();
                    let earlier = client_secrets::table.find(id.to_string()).filter(
                        client_secrets::tried_after_expiry_at
                            .is_null()
                            .or(client_secrets::tried_after_expiry_at.lt(at)),
                    );
                    diesel::update(earlier)
                        .set(client_secrets::tried_after_expiry_at.eq(Some(at)))
                        .execute(connection)?;
                }
                Ok(())
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_latest_time_wins() {
        let late = LateUse::default();
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let secret = |number: usize| Uuid::from_u128(number as u128);
        (0..=CAPACITY).for_each(|number| late.record(secret(number), at(1)));
        late.record(secret(0), at(2));
        late.record(secret(0), at(0));
        let gathered = late.gathered();
        assert_eq!((gathered.len(), gathered[&secret(0)]), (CAPACITY, at(2)));
    }
}
