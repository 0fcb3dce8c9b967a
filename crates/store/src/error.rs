//! What can go wrong with storage, by what the caller can do about it.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// A failure of storage.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL's scheme is neither of the two.
    #[error("database.url must begin with sqlite: or postgres:// (or postgresql://)")]
    UnknownScheme,
    /// The URL of a Postgres that would be read otherwise than it was meant.
    #[error(
        "database.url must be postgres://user:password@host:port/name; percent-encode special characters of user and \
         password, such as %40 for @ and %2F for /"
    )]
    UrlForm,
    /// The URL of a Postgres with a port or parameters that are not understood.
    #[error("database.url is not understood; check the port and the parameters behind the question mark")]
    UrlParameters,
    /// The URL of a Postgres that asks for a server that can't be written to.
    #[error("database.url must not ask for a standby: remove target_session_attrs, a node writes")]
    ReadOnlyUrl,
    /// The file of an SQLite database is not there.
    #[error("there is no file {0}: make the database with `wmda-auth migrate`, or name the right file")]
    NoFile(String),
    /// A database without any of this product's tables.
    #[error(
        "the database is empty: fill it with `wmda-auth migrate` if it is a new one, or name the right database in \
         database.url"
    )]
    Empty,
    /// Two connections turned out to be one session of the server.
    #[error(
        "database.url leads to a pooler that shares sessions of the database between its clients, such as PgBouncer with \
         pool_mode = transaction: use pool_mode = session for this database, or the database's own address"
    )]
    SharedSessions,
    /// A unique value is taken.
    #[error("it exists already")]
    Conflict,
    /// A row that the change needs is missing.
    #[error("something that it refers to does not exist")]
    Missing,
    /// The application has as many live credentials of this kind as it may have.
    #[error("the application has the maximum number of live credentials: delete one first")]
    LimitReached,
    /// As many were made within an hour as may be; the seconds until the next may be.
    #[error(
        "as many secrets were created for this application within an hour as may be: try again in {0} seconds"
    )]
    TooMany(u64),
    /// The rules of the domain forbid it.
    #[error("{0}")]
    Forbidden(&'static str),
    /// A longer life than the policy of the organisation allows, in days.
    #[error(
        "expires_at lies too far away: the policy of the organisation lets a credential live for {0} days at most"
    )]
    LifetimeOfPolicy(u32),
    /// It can't be done as things stand.
    #[error("{0}")]
    Refused(&'static str),
    /// Too many requests wait for the database, or it does not answer in time.
    #[error("the database is busy or does not answer")]
    Busy,
    /// The database can't be reached.
    #[error("the database can't be reached: {0}")]
    Unreachable(String),
    /// A migration failed, or the schema is not this version's.
    #[error("{0}")]
    Schema(String),
    /// The pepper is not the one that this database was made with.
    #[error(
        "version {0} of the pepper is not the one that this database was filled with: restore the file that was used with it"
    )]
    WrongPepper(i32),
    /// A version of the pepper is missing, and something needs it.
    #[error(
        "version {version} of the pepper is missing and still needed, {needed_by}: restore its line from a backup or another node"
    )]
    PepperInUse {
        /// Which version.
        version: i32,
        /// By what.
        needed_by: String,
    },
    /// It was done, but is not in the journal.
    #[error(
        "the journal can't be written: {0}; what was asked for is done, and is written there with the next change"
    )]
    Journal(String),
    /// The journal is there, and can't be read.
    #[error("the journal can't be read: {0}; a database that was restored must not serve without it")]
    JournalUnreadable(String),
    /// A stored value has a form that this version does not know.
    #[error("the stored {0} has an unknown form")]
    Corrupt(&'static str),
    /// The database refused a query.
    #[error("the database failed: {0}")]
    Database(DieselError),
}

/// What a statement was to change must be there.
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
