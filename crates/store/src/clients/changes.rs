//! Changes that concern the token path: each bumps the version counter, from which every node learns to evict the
//! client.

use diesel::prelude::*;
use domain::audit::Entry;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        ids::parse_id,
        schema::{change_counter, changes},
    },
    store::{Outcome, Query, typed, untyped},
    turns::Access,
};

/// How many changes are kept at least.
const CHANGES_KEPT: i64 = 10_000;
/// How many more accumulate before they are deleted together, as all changes wait for one another.
const FORGOTTEN_TOGETHER: i64 = 100;

/// The changes since a version.
pub(crate) struct Changes {
    pub(crate) version: i64,
    /// `None`: any client may have changed.
    pub(crate) clients: Option<Vec<Uuid>>,
}

impl Store {
    /// The changes after version `since`.
    pub(crate) async fn changes_since(&self, since: i64) -> Result<Changes, StoreError> {
        self.run_ahead(move |connection| {
            let version = current_version(connection)?;
            if version == since {
                return Ok(Changes {
                    version,
                    clients: Some(Vec::new()),
                });
            }
            if since == 0 {
                return Ok(Changes {
                    version,
                    clients: None,
                });
            }
            let rows = changes::table
                .filter(changes::version.gt(since).and(changes::version.le(version)))
                .load::<(i64, Option<String>)>(connection)?;
            // A version whose row is missing, or that concerns all clients: evict everything.
            let complete = i64::try_from(rows.len()).is_ok_and(|known| known == version - since);
            let clients: Option<Vec<Uuid>> = rows
                .into_iter()
                .map(|(_, client)| client.and_then(|id| parse_id(&id).ok()))
                .collect();
            Ok(Changes {
                version,
                clients: clients.filter(|_| complete),
            })
        })
        .await
    }

    /// Makes a change that concerns the token path: bumps the version counter first, whose row lock serialises all
    /// changes in the order of their commits, and appends the audit event in the same transaction. An error rolls all
    /// of it back.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        client_id: Option<Uuid>,
        entry: Entry,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        typed(self.changed(client_id, entry, untyped(body)).await)
    }

    async fn changed(&self, client_id: Option<Uuid>, entry: Entry, body: Query) -> Outcome {
        let journal = self.journal.clone();
        let journaled: Query = Box::new(move |connection| {
            Self::journaled(journal.as_deref(), connection, &entry, |connection| {
                bump(connection, client_id)?;
                body(connection)
            })
        });
        self.in_time(Access::Writing, journaled).await
    }
}

pub(crate) fn bump(connection: &mut AnyConnection, client_id: Option<Uuid>) -> Result<(), StoreError> {
    diesel::update(change_counter::table)
        .set(change_counter::version.eq(change_counter::version + 1))
        .execute(connection)?;
    let version = current_version(connection)?;
    let row = (
        changes::version.eq(version),
        changes::client_id.eq(client_id.map(|id| id.to_string())),
    );
    diesel::insert_into(changes::table)
        .values(row)
        .execute(connection)?;
    // A node that missed more changes than are kept evicts everything.
    if version % FORGOTTEN_TOGETHER == 0 {
        let outlived = changes::table.filter(changes::version.le(version - CHANGES_KEPT));
        diesel::delete(outlived).execute(connection)?;
    }
    Ok(())
}

pub(crate) fn current_version(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    Ok(change_counter::table
        .select(change_counter::version)
        .first(connection)?)
}

/// Allocates a status index; the caller's transaction locks the counter's row, so none is allocated twice.
pub(crate) fn take_status_index(connection: &mut AnyConnection) -> Result<i64, StoreError> {
    let index = change_counter::table
        .select(change_counter::next_status_index)
        .first(connection)?;
    diesel::update(change_counter::table)
        .set(change_counter::next_status_index.eq(change_counter::next_status_index + 1))
        .execute(connection)?;
    Ok(index)
}
