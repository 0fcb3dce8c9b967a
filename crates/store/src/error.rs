//! Storage errors, distinguished by what the caller can do about them.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// A storage error.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL's scheme is neither SQLite's nor PostgreSQL's.
    #[error("database.url must begin with sqlite: or postgres:// (or postgresql://)")]
    UnknownScheme,
    /// A PostgreSQL URL that would be parsed differently from what was meant.
    #[error(
        "database.url must be postgres://user:password@host:port/name; percent-encode special characters of user and \
         password, such as %40 for @ and %2F for /"
    )]
    UrlForm,
    /// A PostgreSQL URL with an invalid port or unknown parameters.
    #[error("database.url is not understood; check the port and the parameters behind the question mark")]
    UrlParameters,
    /// A PostgreSQL URL that allows a read-only server.
    #[error("database.url must not ask for a standby: remove target_session_attrs, a node writes")]
    ReadOnlyUrl,
    /// The file of the SQLite database does not exist.
    #[error("there is no file {0}: make the database with `wmda-auth migrate`, or name the right file")]
    NoFile(String),
    /// A database without any of this product's tables.
    #[error(
        "the database is empty: fill it with `wmda-auth migrate` if it is a new one, or name the right database in \
         database.url"
    )]
    Empty,
    /// A pooler: two connections share one server session.
    #[error(
        "database.url leads to a pooler that shares sessions of the database between its clients, such as PgBouncer with \
         pool_mode = transaction: use pool_mode = session for this database, or the database's own address"
    )]
    SharedSessions,
    /// A unique constraint is violated.
    #[error("it exists already")]
    Conflict,
    /// A row that the change needs does not exist.
    #[error("something that it refers to does not exist")]
    Missing,
    /// The application has its maximum of live credentials of this kind.
    #[error("the application has the maximum number of live credentials: delete one first")]
    LimitReached,
    /// The hourly limit of new secrets is reached; holds the seconds to wait.
    #[error(
        "as many secrets were created for this application within an hour as may be: try again in {0} seconds"
    )]
    TooMany(u64),
    /// A domain rule forbids it.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The lifetime exceeds the organisation's policy; holds the allowed days.
    #[error(
        "expires_at lies too far away: the policy of the organisation lets a credential live for {0} days at most"
    )]
    LifetimeOfPolicy(u32),
    /// Not possible in the present state.
    #[error("{0}")]
    Refused(&'static str),
    /// Overload or time-out: too many requests wait for the database, or it does not answer in time.
    #[error("the database is busy or does not answer")]
    Busy,
    /// The database can't be reached.
    #[error("the database can't be reached: {0}")]
    Unreachable(String),
    /// A migration failed, or the schema is of another version.
    #[error("{0}")]
    Schema(String),
    /// The pepper is not the one with which this database was created.
    #[error(
        "version {0} of the pepper is not the one that this database was filled with: restore the file that was used with it"
    )]
    WrongPepper(i32),
    /// A pepper version that something needs is missing.
    #[error(
        "version {version} of the pepper is missing and still needed, {needed_by}: restore its line from a backup or another node"
    )]
    PepperInUse {
        /// Which version.
        version: i32,
        /// What needs it.
        needed_by: String,
    },
    /// The change is committed, but could not be written to the journal.
    #[error(
        "the journal can't be written: {0}; what was asked for is done, and is written there with the next change"
    )]
    Journal(String),
    /// The journal exists but can't be read.
    #[error("the journal can't be read: {0}; a database that was restored must not serve without it")]
    JournalUnreadable(String),
    /// A stored value has a form that this version does not know.
    #[error("the stored {0} has an unknown form")]
    Corrupt(&'static str),
    /// The database refused a query.
    #[error("the database failed: {0}")]
    Database(DieselError),
}

/// `Missing` if the statement changed no row.
pub(crate) fn require_rows(rows: usize) -> Result<(), StoreError> {
    match rows {
        0 => Err(StoreError::Missing),
        _ => Ok(()),
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Conflict,
            DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) | DieselError::NotFound => {
                Self::Missing
            }
            DieselError::DatabaseError(
                DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::ReadOnlyTransaction,
                told,
            ) => Self::Unreachable(told.message().to_owned()),
            other => Self::Database(other),
        }
    }
}
