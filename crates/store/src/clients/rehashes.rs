//! Rehashing after a pepper rotation: new digests of presented secrets that are stored under an earlier pepper
//! version, collected in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use diesel::{Connection, prelude::*};
use domain::digest::Digest;
use uuid::Uuid;

use crate::{Store, StoreError, clients::changes, database::schema::client_secrets};

/// Limit of secrets between two flushes; those beyond are rehashed at their next use.
const CAPACITY: usize = 10_000;
/// Secrets written per transaction, which holds back all other changes.
const CHUNK: usize = 50;

/// The new digest of a secret.
#[derive(Clone, Debug)]
pub struct Rehash {
    /// The client.
    pub client_id: Uuid,
    /// The stored digest.
    pub old: Digest,
    /// Pepper version and digest.
    pub new: (i32, Digest),
}

/// Collects rehashes until the next flush; bounded.
#[derive(Default)]
pub(crate) struct Rehashes(Mutex<HashMap<Uuid, Rehash>>);

impl Rehashes {
    pub(crate) fn record(&self, secret_id: Uuid, rehash: Rehash) {
        let mut gathered = self.gathered();
        if gathered.len() < CAPACITY {
            gathered.insert(secret_id, rehash);
        }
    }

    /// Writes what was collected. What can't be written is dropped: the next use of the secret brings it again.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let mut rows: Vec<_> = std::mem::take(&mut *self.gathered()).into_iter().collect();
        rows.sort_unstable_by_key(|(id, _)| *id);
        for chunk in rows.chunks(CHUNK) {
            store.rehash_secrets(chunk.to_vec()).await?;
        }
        Ok(())
    }

    fn gathered(&self) -> MutexGuard<'_, HashMap<Uuid, Rehash>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Bumps the version counter so that no node rehashes the secret again. No audit event: nobody's rights change.
    async fn rehash_secrets(&self, rows: Vec<(Uuid, Rehash)>) -> Result<(), StoreError> {
        self.write_to_end(move |connection| {
            connection.transaction(|connection| {
                for (id, rehash) in rows {
                    // Locks the version counter first, as every change does: the other order would deadlock.
                    changes::bump(connection, Some(rehash.client_id))?;
                    let new = (
                        client_secrets::digest.eq(rehash.new.1.to_vec()),
                        client_secrets::pepper_version.eq(rehash.new.0),
                    );
                    let own = client_secrets::table
                        .find(id.to_string())
                        .filter(client_secrets::digest.eq(rehash.old.to_vec()));
                    diesel::update(own).set(new).execute(connection)?;
                }
                Ok(())
            })
        })
        .await
    }
}
