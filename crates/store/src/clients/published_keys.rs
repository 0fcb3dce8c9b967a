//! Cached JWK Sets of clients and issuers: kept across restarts, one row for each URL or issuer.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{Connection, OptionalExtension, prelude::*};
use domain::key_place::KeyPlace;

use crate::{
    Store, StoreError,
    database::{insert::unless_there, schema::published_keys},
};

impl Store {
    /// Stores a JWK Set that was fetched; false if a later one is stored already.
    pub async fn keep_published_keys(
        &self,
        place: KeyPlace,
        jwks: String,
        read_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let (kind, name) = place.parts();
            let read_at = read_at.naive_utc();
            let reading = (published_keys::jwks.eq(jwks), published_keys::read_at.eq(read_at));
            connection.transaction(|connection| {
                let earlier = published_keys::table
                    .find((kind, name))
                    .filter(published_keys::read_at.le(read_at));
                if diesel::update(earlier).set(reading.clone()).execute(connection)? == 1 {
                    return Ok(true);
                }
                let own = (published_keys::kind.eq(kind), published_keys::place.eq(name));
                unless_there(connection, |connection| {
                    diesel::insert_into(published_keys::table)
                        .values((own, reading))
                        .execute(connection)
                })
            })
        })
        .await
    }

    /// The stored JWK Set, and when it was fetched.
    pub async fn published_keys(
        &self,
        place: KeyPlace,
    ) -> Result<Option<(String, DateTime<Utc>)>, StoreError> {
        self.run(move |connection| {
            let row: Option<(String, NaiveDateTime)> = published_keys::table
                .find(place.parts())
                .select((published_keys::jwks, published_keys::read_at))
                .first(connection)
                .optional()?;
            Ok(row.map(|(jwks, read_at)| (jwks, read_at.and_utc())))
        })
        .await
    }

    /// Deletes sets to which no credential referred at `known_at`; one fetched since may belong to a new credential.
    pub async fn forget_published_keys(
        &self,
        used: HashSet<KeyPlace>,
        known_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write_to_end(move |connection| {
            let known: Vec<(String, String)> = published_keys::table
                .filter(published_keys::read_at.lt(known_at.naive_utc()))
                .select((published_keys::kind, published_keys::place))
                .load(connection)?;
            let used: HashSet<(&str, &str)> = used.iter().map(KeyPlace::parts).collect();
            // No transaction: SQLite refuses one that reads before it writes while another connection writes.
            for (kind, place) in known {
                if !used.contains(&(kind.as_str(), place.as_str())) {
                    diesel::delete(published_keys::table.find((kind, place))).execute(connection)?;
                }
            }
            Ok(())
        })
        .await
    }
}
