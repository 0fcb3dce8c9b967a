//! Re-encryption: sealed values of all tables are sealed anew under the active pepper version.

use std::sync::Arc;

use diesel::{Connection, prelude::*};
use domain::{
    audit::Entry,
    pepper::{Pepper, sealed_under},
};
use ring::rand::SecureRandom;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    clients::revoked_keys::successor_owner,
    database::{
        connection::AnyConnection,
        pepper_checks::keep_survivors,
        schema::{enrolments, mails, revoked_keys, users, webhooks},
    },
};

/// Rows changed per transaction.
const CHUNK: i64 = 200;

/// The result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Values that are sealed under the active version now.
    pub done: u64,
    /// Values that no known version can open; left as they are.
    pub unreadable: u64,
}

struct Sealer<'a> {
    pepper: &'a Pepper,
    random: &'a dyn SecureRandom,
    outcome: Resealed,
}

impl Sealer<'_> {
    /// The value sealed under the active version; `None` if it is already, or can't be opened.
    fn again(&mut self, owner: Option<Uuid>, sealed: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if sealed.starts_with(&sealed_under(self.pepper.active())) {
            return Ok(None);
        }
        let again = owner.map(|owner| self.pepper.reseal(owner, sealed, self.random));
        let again = again
            .transpose()
            .map_err(|_| StoreError::Corrupt("randomness"))?
            .flatten();
        match again {
            Some(_) => self.outcome.done += 1,
            None => self.outcome.unreadable += 1,
        }
        Ok(again)
    }
}

/// Walks a table by primary key. A value changed concurrently is under the active version already.
macro_rules! reseal {
    ($connection:expr, $sealer:expr, $table:ident, $key:ident, $column:ident, $owner:expr) => {{
        let mut last = String::new();
        loop {
            let rows: Vec<(String, Option<Vec<u8>>)> = $table::table
                .filter($table::$key.gt(&last))
                .filter($table::$column.nullable().is_not_null())
                .order($table::$key)
                .limit(CHUNK)
                .select(($table::$key, $table::$column.nullable()))
                .load($connection)?;
            let Some((end, _)) = rows.last() else { break };
            last.clone_from(end);
            $connection.transaction(|connection| {
                for (id, sealed) in rows {
                    let sealed = sealed.unwrap_or_default();
                    if let Some(again) = $sealer.again($owner(&id), &sealed)? {
                        let row = $table::table.find(&id).filter($table::$column.eq(sealed));
                        diesel::update(row)
                            .set($table::$column.eq(again))
                            .execute(connection)?;
                    }
                }
                Ok::<_, StoreError>(())
            })?;
        }
    }};
}

impl Store {
    /// Seals everything under the active version, then audits that. Idempotent.
    pub async fn reseal(
        &self,
        pepper: Arc<Pepper>,
        random: Arc<dyn SecureRandom + Send + Sync>,
        entry: Entry,
    ) -> Result<Resealed, StoreError> {
        let done = self
            .write_to_end(move |connection| all(connection, &pepper, &*random))
            .await?;
        self.record(entry).await?;
        Ok(done)
    }
}

fn all(
    connection: &mut AnyConnection,
    pepper: &Pepper,
    random: &dyn SecureRandom,
) -> Result<Resealed, StoreError> {
    let mut sealer = Sealer {
        pepper,
        random,
        outcome: Resealed::default(),
    };
    let by_id = |id: &str| Uuid::try_parse(id).ok();
    let by_kid = |kid: &str| Some(successor_owner(kid));
    reseal!(connection, sealer, users, id, totp_secret, by_id);
    reseal!(connection, sealer, enrolments, user_id, totp_secret, by_id);
    reseal!(connection, sealer, mails, id, sealed, by_id);
    reseal!(connection, sealer, webhooks, id, signing_key, by_id);
    reseal!(connection, sealer, revoked_keys, kid, successor, by_kid);
    keep_survivors(connection, pepper, random)?;
    Ok(sealer.outcome)
}
