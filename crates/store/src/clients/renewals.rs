//! Secrets that were presented and are stored under an earlier version of the pepper: their new digests, gathered in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use diesel::{Connection, prelude::*};
use domain::pepper::Digest;
use uuid::Uuid;

use crate::{Store, StoreError, clients::changes, database::schema::client_secrets};

/// At most this many secrets between two flushes: who finds no place is renewed at the next use.
const CAPACITY: usize = 10_000;
/// How many secrets one transaction writes: it holds back all other changes while it lasts.
const CHUNK: usize = 50;

/// How a secret is stored from now on.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// Whose it is.
    pub client_id: Uuid,
    /// What is stored.
    pub old: Digest,
    /// Pepper version and digest.
    pub new: (i32, Digest),
}

/// Gathers until flushed; bounded.
#[derive(Default)]
pub(crate) struct Renewals(Mutex<HashMap<Uuid, Renewal>>);

impl Renewals {
    pub(crate) fn record(&self, secret_id: Uuid, renewal: Renewal) {
        let mut gathered = self.gathered();
        if gathered.len() < CAPACITY {
            gathered.insert(secret_id, renewal);
        }
    }

    /// What can't be written is forgotten: the next use of the secret brings it again.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let mut rows: Vec<_> = std::mem::take(&mut *self.gathered()).into_iter().collect();
        rows.sort_unstable_by_key(|(id, _)| *id);
        for chunk in rows.chunks(CHUNK) {
            store.renew_secrets(chunk.to_vec()).await?;
        }
        Ok(())
    }

    fn gathered(&self) -> MutexGuard<'_, HashMap<Uuid, Renewal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// Each node's memory learns of it, so that none renews the secret again. Nobody's rights change: no record is made.
    async fn renew_secrets(&self, rows: Vec<(Uuid, Renewal)>) -> Result<(), StoreError> {
        self.write_to_end(move |connection| {
            connection.transaction(|connection| {
                for (id, renewal) in rows {
                    // The counter first, as every change does: whoever took the secret first would wait for ever.
                    changes::bump(connection, Some(renewal.client_id))?;
                    let new = (
                        client_secrets::digest.eq(renewal.new.1.to_vec()),
                        client_secrets::pepper_version.eq(renewal.new.0),
                    );
                    let own = client_secrets::table
                        .find(id.to_string())
                        .filter(client_secrets::digest.eq(renewal.old.to_vec()));
                    diesel::update(own).set(new).execute(connection)?;
                }
                Ok(())
            })
        })
        .await
    }
}
