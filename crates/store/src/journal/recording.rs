//! Changes that are also written to the journal, before they are answered.

use std::sync::Arc;

use diesel::{Connection, prelude::*};
use domain::audit::Entry;

use crate::{
    Store, StoreError,
    audit::trail,
    database::{connection::AnyConnection, schema::audit_head},
    journal::{
        file::Journal,
        line::{Line, counters},
    },
};

/// SQLite refuses to upgrade a read transaction to a write once another connection has written, so a change begins
/// with a write. PostgreSQL does not need this, and it would lock the audit head before the version counter, against
/// the lock order of all changes.
fn write_first(connection: &mut AnyConnection) -> Result<(), StoreError> {
    if let AnyConnection::Sqlite(_) = connection {
        diesel::update(audit_head::table)
            .set(audit_head::sequence.eq(audit_head::sequence))
            .execute(connection)?;
    }
    Ok(())
}

impl Store {
    /// Enables the journal.
    pub fn with_journal(mut self, journal: Journal) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// Runs a change and its audit event in one transaction and then writes it to the journal, before it is answered.
    pub(crate) fn journaled<T>(
        journal: Option<&Journal>,
        connection: &mut AnyConnection,
        entry: &Entry,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        Self::in_journal(journal, connection, |connection| {
            let outcome = body(connection)?;
            trail::append(connection, entry)?;
            Ok(outcome)
        })
    }

    /// The same for a change that appends its audit events itself.
    pub(crate) fn in_journal<T, E: From<StoreError> + From<diesel::result::Error>>(
        journal: Option<&Journal>,
        connection: &mut AnyConnection,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let (outcome, lines) = connection.transaction(|connection| {
            write_first(connection)?;
            let before = journal.map(|_| counters(connection)).transpose()?;
            let outcome = body(connection)?;
            let lines = before.map(|before| Line::since(connection, before));
            Ok::<_, E>((outcome, lines.transpose()?))
        })?;
        if let Some((journal, lines)) = journal.zip(lines) {
            journal.append(&lines)?;
        }
        Ok(outcome)
    }
}
