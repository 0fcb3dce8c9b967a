//! Replay protection of client assertions and DPoP proofs: each is accepted once, on all nodes and across restarts
//! (RFC 7523 §3, item 7; RFC 9449 §11.1). Both are stored by a digest that includes their kind.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use domain::digest::Digest;

use crate::{Store, StoreError, database::schema::used_assertions};

/// Rows deleted per statement, which locks them.
const CHUNK: i64 = 500;

impl Store {
    /// Records the use of an assertion, by its digest, until it expires; false if it was used before. The primary key
    /// decides between concurrent requests.
    pub async fn use_assertion(&self, digest: Digest, until: DateTime<Utc>) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let row = (
                used_assertions::digest.eq(digest.to_vec()),
                used_assertions::until.eq(until.naive_utc()),
            );
            let added = diesel::insert_into(used_assertions::table)
                .values(row)
                .execute(connection);
            match added.map_err(StoreError::from) {
                Ok(_) => Ok(true),
                Err(StoreError::Conflict) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Deletes assertions that have expired, a chunk at a time; returns how many.
    pub async fn forget_used_assertions(&self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        loop {
            let chunk = self
                .write_to_end(move |connection| {
                    let past: Vec<Vec<u8>> = used_assertions::table
                        .filter(used_assertions::until.lt(now.naive_utc()))
                        .select(used_assertions::digest)
                        .limit(CHUNK)
                        .load(connection)?;
                    let past = used_assertions::table.filter(used_assertions::digest.eq_any(past));
                    Ok(diesel::delete(past).execute(connection)?)
                })
                .await?;
            forgotten += chunk;
            if i64::try_from(chunk).is_ok_and(|chunk| chunk < CHUNK) {
                return Ok(forgotten);
            }
        }
    }
}
