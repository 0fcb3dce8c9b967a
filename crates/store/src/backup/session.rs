//! The dedicated connection of a backup or restore, without the time-outs of requests.

use std::time::Duration;

use diesel::{RunQueryDsl, sql_query};

use crate::{Store, backup::error::BackupError, database::connection::AnyConnection, store::aside};

/// Statement time-out.
const SLOWEST: Duration = Duration::from_secs(600);

/// Rows read or written per statement.
pub(super) const BATCH: usize = 500;

impl Store {
    pub(super) fn with_any<T: Send>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, BackupError> + Send,
    ) -> Result<T, BackupError> {
        aside(|| {
            self.with_connection(|connection| {
                if let AnyConnection::Postgres(connection) = connection {
                    connection.set_deadline(SLOWEST);
                }
                let outcome = work(connection);
                if let AnyConnection::Postgres(connection) = connection {
                    connection.reset_deadline();
                }
                Ok(outcome)
            })
        })?
    }
}

pub(super) fn no_time_limit(connection: &mut AnyConnection) -> Result<(), BackupError> {
    if let AnyConnection::Postgres(connection) = connection {
        sql_query("SET LOCAL statement_timeout = 0").execute(connection)?;
    }
    Ok(())
}
