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
            return match has_its_form(url) {
                true => Ok(Self::Postgres(with_timeouts(url))),
                false => Err(StoreError::UrlForm),
            };
        }
        Err(StoreError::UnknownScheme)
    }
}

/// Whether user and password end where they seem to: else libpq takes a part of the password for a host or a name, and
/// says so in its errors.
fn has_its_form(url: &str) -> bool {
    let after_scheme = url.split_once("://").map_or("", |parts| parts.1);
    let end = after_scheme.find(['/', '?']).unwrap_or(after_scheme.len());
    let (authority, rest) = after_scheme.split_at(end);
    let hosts = authority.rsplit_once('@').map_or(authority, |parts| parts.1);
    let encoded = |text: &str| {
        text.split('%').skip(1).all(|after| {
            let mut digits = after.bytes();
            (0..2).all(|_| digits.next().is_some_and(|digit| digit.is_ascii_hexdigit()))
        })
    };
    let in_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:,[]%".contains(&byte);
    authority.matches('@').count() <= 1 && !rest.contains('@') && encoded(url) && hosts.bytes().all(in_host)
}

/// What libpq says of a server, it says of a URL that it has understood. Its other errors quote what they did not
/// understand, which may be a part of the password.
fn without_quotes(error: ConnectionError) -> ConnectionError {
    let ConnectionError::BadConnection(text) = error else {
        return error;
    };
    let of_a_server = ["connection to server", "could not translate host name"];
    let kept = of_a_server.iter().any(|start| text.starts_with(start));
    ConnectionError::BadConnection(match kept {
        true => text,
        false => {
            "libpq does not understand the URL; check the port and the parameters behind the question mark"
                .to_owned()
        }
    })
}

/// A new file is its owner's alone, and so are those that SQLite puts beside it. What can't be made SQLite tells itself.
/// A file that is there must not be opened: closing it would give up the locks that this process has on it (POSIX), and the
/// next process that closes the database would take the log from under us.
fn create_private(path: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    if path.starts_with(':') || path.starts_with("file:") {
        return;
    }
    let _ = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
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
                create_private(path);
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
                let mut connection = PgConnection::establish(url).map_err(without_quotes)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l02_a_url_whose_password_libpq_would_print_is_refused_without_it() {
        for url in [
            "postgres://user:pass@sentinel@host/db",
            "postgres://user:pass/sentinel@host/db",
            "postgres://user:123/sentinel@host/db",
            "postgres://user:pass?sentinel@host/db",
            "postgres://user:pass%sentinel@host/db",
            "postgres://user:sentinel%4@host/db",
            "postgres://user@sentinel:pass@host/db",
            "postgres://user:sentinel@wo rd/db",
        ] {
            let error = DatabaseUrl::parse(url).unwrap_err();
            assert!(matches!(error, StoreError::UrlForm), "{url}");
            assert!(!error.to_string().contains("sentinel"), "{error}");
        }
        for url in [
            "postgres://host/db",
            "postgres://user@host/db",
            "postgres://user:pass:word#;%40%2F@host:5432,other:5433/db?sslmode=require",
            "postgresql://user:password@[::1]:5432/db",
            "postgres:///db?host=/run/postgresql",
        ] {
            assert!(DatabaseUrl::parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn l02_an_error_about_the_url_quotes_nothing_of_it() {
        for url in [
            "postgres://user:secret@127.0.0.1:1/db?sslmode=secret",
            "postgres://user:secret@127.0.0.1:99999/db?secret=1",
        ] {
            let connector = Connector(DatabaseUrl::parse(url).unwrap());
            let error = r2d2::ManageConnection::connect(&connector)
                .err()
                .unwrap()
                .to_string();
            assert!(
                !error.contains("secret") && error.contains("question mark"),
                "{error}"
            );
        }
    }
}
