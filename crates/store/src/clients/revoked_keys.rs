//! Revoked (leaked) signing keys and their successors. Every node reads them, so that one with a copied key folder
//! stops using the key too.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use domain::audit::Entry;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{connection::AnyConnection, schema::revoked_keys},
    store::aside,
};

/// How long a successor is kept. A node that was away for longer needs the key file from its administrator.
const SUCCESSOR_KEPT: TimeDelta = TimeDelta::days(30);

/// The key that replaces a revoked one, sealed.
#[derive(Clone, Debug)]
pub struct SealedSuccessor {
    /// Its file name.
    pub file: String,
    /// Its PEM text, sealed under the pepper.
    pub sealed: Vec<u8>,
}

/// What a successor is sealed for: the key that it replaces.
pub fn successor_owner(kid: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(kid.bytes())
        .for_each(|(to, from)| *to = from);
    Uuid::from_bytes(bytes)
}

/// A signing key that must not be used any more.
#[derive(Clone, Debug)]
pub struct RevokedKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// Its successor, for nodes with a copy of the folder.
    pub successor: Option<SealedSuccessor>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = revoked_keys)]
struct Row {
    kid: String,
    successor_file: Option<String>,
    successor: Option<Vec<u8>>,
}

impl Store {
    /// Revokes a key on every node, with an audit event in one transaction; repeating it only adds what was not
    /// known.
    pub async fn revoke_key(
        &self,
        entry: Entry,
        key: RevokedKey,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.audited(entry, move |connection| {
            let known = revoked_keys::table.find(&key.kid);
            if known.count().get_result::<i64>(connection)? == 0 {
                let row = (
                    revoked_keys::kid.eq(&key.kid),
                    revoked_keys::revoked_at.eq(now.naive_utc()),
                );
                diesel::insert_into(revoked_keys::table)
                    .values(row)
                    .execute(connection)?;
            }
            let Some(successor) = key.successor else {
                return Ok(());
            };
            let successor = (
                revoked_keys::successor_file.eq(successor.file),
                revoked_keys::successor.eq(successor.sealed),
            );
            diesel::update(revoked_keys::table.find(&key.kid))
                .set(successor)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// All revoked keys.
    pub async fn revoked_keys(&self) -> Result<Vec<RevokedKey>, StoreError> {
        self.run(all).await
    }

    /// The same for start-up; blocks.
    pub fn revoked_keys_at_start(&self) -> Result<Vec<RevokedKey>, StoreError> {
        aside(|| self.with_connection(all))
    }

    /// Deletes successors that every node has had time to fetch.
    pub async fn forget_successors(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(move |connection| {
            let old = revoked_keys::table
                .filter(revoked_keys::successor.is_not_null())
                .filter(revoked_keys::revoked_at.lt((now - SUCCESSOR_KEPT).naive_utc()));
            diesel::update(old)
                .set(revoked_keys::successor.eq(None::<Vec<u8>>))
                .execute(connection)?;
            Ok(())
        })
        .await
    }
}

fn all(connection: &mut AnyConnection) -> Result<Vec<RevokedKey>, StoreError> {
    let rows = revoked_keys::table.select(Row::as_select()).load(connection)?;
    let key = |row: Row| RevokedKey {
        kid: row.kid,
        successor: row
            .successor_file
            .zip(row.successor)
            .map(|(file, sealed)| SealedSuccessor { file, sealed }),
    };
    Ok(rows.into_iter().map(key).collect())
}
