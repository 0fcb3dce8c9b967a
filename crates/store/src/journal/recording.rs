//! Every change with its lines in the journal: whoever waits for the change is answered after both.

use std::sync::Arc;

use diesel::{Connection, prelude::*};
use domain::audit::Entry;

use crate::{
    Store, StoreError,
    audit::trail,
    database::{connection::AnyConnection, schema::audit_head},
    journal::{
        file::Journal,
        line::{Line, marks},
    },
};

/// SQLite gives no lock to who has read before another wrote, so a change begins with a write. PostgreSQL needs none, and
/// would lock the end of the trail before the counter of versions, against the order of all changes.
fn write_first(connection: &mut AnyConnection) -> Result<(), StoreError> {
    if let AnyConnection::Sqlite(_) = connection {
        diesel::update(audit_head::table)
            .set(audit_head::sequence.eq(audit_head::sequence))
            .execute(connection)?;
    }
    Ok(())
}

impl Store {
    /// Writes every change to a journal as well.
    pub fn with_journal(mut self, journal: Journal) -> Self {
        self.journal = Some(Arc::new(journal));
        self
    }

    /// Runs a change and its record in one transaction, and then writes it to the journal: whoever waits is answered after both.
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

    /// The same for a change that makes its records itself.
    pub(crate) fn in_journal<T, E: From<StoreError> + From<diesel::result::Error>>(
        journal: Option<&Journal>,
        connection: &mut AnyConnection,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let (outcome, lines) = connection.transaction(|connection| {
            write_first(connection)?;
            let before = journal.map(|_| marks(connection)).transpose()?;
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
