//! Connections: the URL decides the database, by its scheme and nothing else.

#![expect(
    missing_docs,
    reason = "`diesel::MultiConnection` makes public items without a word"
)]

use std::{fmt, time::Duration};

use diesel::{Connection, ConnectionError, PgConnection, RunQueryDsl, SqliteConnection, sql_query};

use crate::StoreError;

/// How long SQLite waits for whoever writes, in milliseconds: for a request, and where nobody waits for an answer.
pub(crate) const SQLITE_PATIENCE: &str = "busy_timeout = 1500";
pub(crate) const SQLITE_SET_UP_PATIENCE: &str = "busy_timeout = 30000";
/// How long one statement may take before Postgres ends it.
const STATEMENT_TIMEOUT: Duration = Duration::from_millis(1500);

/// Where the data is. Its `Debug` and `Display` hide a password.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// The path of an SQLite file.
    Sqlite(String),
    /// A libpq connection URI.
    Postgres(String),
}

impl DatabaseUrl {
    /// Dispatches on the scheme.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err(StoreError::UnknownScheme)
            } else {
                Ok(Self::Sqlite(path.to_owned()))
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(with_timeouts(url)));
        }
        Err(StoreError::UnknownScheme)
    }
}

/// A server that vanished must not hold a connection attempt for longer than a request waits.
fn with_timeouts(url: &str) -> String {
    let join = if url.contains('?') { '&' } else { '?' };
    if url.contains("connect_timeout=") {
        return url.to_owned();
    }
    format!("{url}{join}connect_timeout=2&tcp_user_timeout=3000")
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{path}"),
            Self::Postgres(_) => f.write_str("postgres://…"),
        }
    }
}

/// A connection to either database; each query is written once for both.
#[derive(diesel::MultiConnection)]
pub(crate) enum AnyConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// Makes and checks connections for the pool.
#[derive(Debug)]
pub(crate) struct Connector(pub DatabaseUrl);

impl r2d2::ManageConnection for Connector {
    type Connection = AnyConnection;
    type Error = ConnectionError;

    fn connect(&self) -> Result<AnyConnection, ConnectionError> {
        match &self.0 {
            DatabaseUrl::Sqlite(path) => {
                let mut connection = SqliteConnection::establish(path)?;
                for pragma in [
                    // Nodes that start at once on a new file wait for the one that sets it up.
                    SQLITE_SET_UP_PATIENCE,
                    "journal_mode = WAL",
                    "synchronous = FULL",
                    "foreign_keys = ON",
                    SQLITE_PATIENCE,
                ] {
                    sql_query(format!("PRAGMA {pragma}"))
                        .execute(&mut connection)
                        .map_err(ConnectionError::CouldntSetupConfiguration)?;
                }
                Ok(AnyConnection::Sqlite(connection))
            }
            DatabaseUrl::Postgres(url) => {
                let mut connection = PgConnection::establish(url)?;
                sql_query(format!(
                    "SET statement_timeout = {}",
                    STATEMENT_TIMEOUT.as_millis()
                ))
                .execute(&mut connection)
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(AnyConnection::Postgres(connection))
            }
        }
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), ConnectionError> {
        sql_query("SELECT 1")
            .execute(connection)
            .map(drop)
            .map_err(ConnectionError::CouldntSetupConfiguration)
    }

    fn has_broken(&self, _connection: &mut AnyConnection) -> bool {
        std::thread::panicking()
    }
}
