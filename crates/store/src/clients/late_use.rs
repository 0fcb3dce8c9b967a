//! Attempted use of expired or suspended credentials. Collected in memory, since no row is written per request; only
//! a presented value that matches such a credential is recorded.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use diesel::{Connection, prelude::*};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{connection::AnyConnection, schema::client_secrets},
};

/// Limit of credentials between two flushes.
const CAPACITY: usize = 100_000;
/// Credentials written per transaction.
const CHUNK: usize = 200;

/// Why the credential was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reason {
    Expired,
    Suspended,
}

type Tried = (Uuid, Reason);

/// Collects attempts until the next flush; bounded.
#[derive(Default)]
pub(crate) struct LateUse(Mutex<HashMap<Tried, DateTime<Utc>>>);

impl LateUse {
    pub(crate) fn record(&self, tried: Tried, now: DateTime<Utc>) {
        let mut gathered = self.gathered();
        if gathered.len() < CAPACITY || gathered.contains_key(&tried) {
            let at = gathered.entry(tried).or_insert(now);
            *at = now.max(*at);
        }
    }

    /// Writes what was collected; what can't be written is kept. Writing is idempotent.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let mut rows: Vec<_> = std::mem::take(&mut *self.gathered()).into_iter().collect();
        rows.sort_unstable();
        let mut outcome = Ok(());
        for chunk in rows.chunks(CHUNK) {
            if outcome.is_ok() {
                outcome = store.add_late_use(chunk.to_vec()).await;
            }
            if outcome.is_err() {
                chunk.iter().for_each(|(tried, at)| self.record(*tried, *at));
            }
        }
        outcome
    }

    fn gathered(&self) -> MutexGuard<'_, HashMap<Tried, DateTime<Utc>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    async fn add_late_use(&self, rows: Vec<(Tried, DateTime<Utc>)>) -> Result<(), StoreError> {
        self.write_to_end(move |connection| {
            connection.transaction(|connection| {
                rows.into_iter()
                    .try_for_each(|(tried, at)| add_late_use(connection, tried, at))
            })
        })
        .await
    }
}

fn add_late_use(
    connection: &mut AnyConnection,
    (id, reason): Tried,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (id, at) = (id.to_string(), at.naive_utc());
    match reason {
        Reason::Expired => {
            let column = client_secrets::tried_after_expiry_at;
            let earlier = client_secrets::table.find(id);
            let earlier = earlier.filter(column.is_null().or(column.lt(at)));
            diesel::update(earlier)
                .set(column.eq(Some(at)))
                .execute(connection)?;
        }
        Reason::Suspended => {
            let column = client_secrets::tried_while_suspended_at;
            let earlier = client_secrets::table.find(id);
            let earlier = earlier.filter(column.is_null().or(column.lt(at)));
            diesel::update(earlier)
                .set(column.eq(Some(at)))
                .execute(connection)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_the_latest_time_wins() {
        let late = LateUse::default();
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let secret = |number: usize| (Uuid::from_u128(number as u128), Reason::Expired);
        (0..=CAPACITY).for_each(|number| late.record(secret(number), at(1)));
        late.record(secret(0), at(2));
        late.record(secret(0), at(0));
        let gathered = late.gathered();
        assert_eq!((gathered.len(), gathered[&secret(0)]), (CAPACITY, at(2)));
    }
}
