//! Proofs of possession that were used: each is good for one request, on all nodes and across restarts (RFC 9449 §11.1).

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::pepper::Digest;

use crate::{Store, StoreError, database::schema::used_proofs};

/// A proof is forgotten so long after it has expired, for nodes with slow clocks would accept it until then.
const SLOW_CLOCKS: TimeDelta = TimeDelta::minutes(5);

impl Store {
    /// Whether this is a proof's first use; after `expires_at` nobody accepts it. One conditional insert decides, so that of
    /// many who try at once one succeeds.
    pub async fn use_proof(&self, digest: Digest, expires_at: DateTime<Utc>) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let row = (
                used_proofs::digest.eq(digest.to_vec()),
                used_proofs::expires_at.eq(expires_at.naive_utc()),
            );
            let added = diesel::insert_into(used_proofs::table)
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

    /// Forgets the proofs that are past; answers how many.
    pub async fn forget_past_proofs(&self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        self.run_to_end(move |connection| {
            let past = used_proofs::table.filter(used_proofs::expires_at.lt((now - SLOW_CLOCKS).naive_utc()));
            Ok(diesel::delete(past).execute(connection)?)
        })
        .await
    }
}
