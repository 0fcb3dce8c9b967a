//! Opens and checks connections for the pool.

use std::{
    os::unix::fs::MetadataExt,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use diesel::{
    Connection, ConnectionError, ConnectionResult, QueryResult, RunQueryDsl, SqliteConnection,
    define_sql_function, select, sql_query, sql_types::Text,
};

use super::{
    connection::{AnyConnection, DatabaseUrl},
    folding,
    postgres::{Postgres, PostgresConnection},
};

/// SQLite's busy time-outs in milliseconds: for a request, and for background work.
pub(crate) const SQLITE_PATIENCE: &str = "busy_timeout = 1500";
pub(crate) const SQLITE_SET_UP_PATIENCE: &str = "busy_timeout = 30000";
/// Time-out of the liveness check of an idle connection.
const SIGN_OF_LIFE: Duration = Duration::from_millis(700);

define_sql_function! {
    /// A setting of the session.
    fn current_setting(name: Text) -> Text;
}

/// The connection factory of the pool.
pub(crate) struct Connector {
    database: Database,
    /// The first connection, opened before there is a pool.
    first: Mutex<Option<Pooled>>,
    /// Incremented when a query times out: connections opened before are then replaced, instead of timing out one
    /// after the other.
    generation: AtomicU64,
}

enum Database {
    Sqlite(SqliteFile),
    Postgres(Postgres),
}

/// A pooled connection.
pub(crate) struct Pooled {
    pub(crate) connection: AnyConnection,
    generation: u64,
}

impl Connector {
    /// Opens the first connection, so that a wrong address is reported in full and at once. Blocks; must not be
    /// called from asynchronous code.
    pub(crate) fn start(url: &DatabaseUrl) -> ConnectionResult<Self> {
        let connector = Self {
            database: match url {
                DatabaseUrl::Sqlite(path) => Database::Sqlite(SqliteFile::at(path)),
                DatabaseUrl::Postgres(url) => Database::Postgres(Postgres::new((**url).clone())?),
            },
            first: Mutex::default(),
            generation: AtomicU64::new(0),
        };
        let first = connector.make()?;
        *connector.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(first);
        Ok(connector)
    }

    fn make(&self) -> ConnectionResult<Pooled> {
        let generation = self.generation.load(Ordering::Relaxed);
        let connection = match &self.database {
            Database::Sqlite(file) => AnyConnection::Sqlite(file.open()?),
            Database::Postgres(server) => AnyConnection::Postgres(server.connect()?),
        };
        Ok(Pooled {
            connection,
            generation,
        })
    }

    /// Marks a time-out: the server's other connections are taken for dead, too.
    fn note_silence(&self, pooled: &Pooled) {
        let silent = matches!(&pooled.connection, AnyConnection::Postgres(one) if one.is_silent());
        if silent {
            // Only once for all connections of a generation.
            let (of, next) = (pooled.generation, pooled.generation + 1);
            let _ = self
                .generation
                .compare_exchange(of, next, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    fn is_outdated(&self, pooled: &Pooled) -> bool {
        pooled.generation < self.generation.load(Ordering::Relaxed)
    }
}

impl r2d2::ManageConnection for Connector {
    type Connection = Pooled;
    type Error = ConnectionError;

    fn connect(&self) -> ConnectionResult<Pooled> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.map_or_else(|| self.make(), Ok)
    }

    fn is_valid(&self, pooled: &mut Pooled) -> ConnectionResult<()> {
        if self.is_outdated(pooled) {
            let text = "a connection made before the database fell silent is given up";
            return Err(ConnectionError::BadConnection(text.to_owned()));
        }
        if let Database::Sqlite(file) = &self.database {
            file.verify()?;
        }
        let outcome = match &mut pooled.connection {
            AnyConnection::Sqlite(connection) => sql_query("SELECT 1").execute(connection).map(drop),
            AnyConnection::Postgres(connection) => writable(connection),
        };
        self.note_silence(pooled);
        outcome.map_err(ConnectionError::CouldntSetupConfiguration)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        self.note_silence(pooled);
        let broken = matches!(&pooled.connection, AnyConnection::Postgres(one) if one.is_broken());
        broken || self.is_outdated(pooled) || std::thread::panicking()
    }
}

/// Checks that the server answers and is writable: a standby does not know its primary's latest changes.
fn writable(connection: &mut PostgresConnection) -> QueryResult<()> {
    connection.set_deadline(SIGN_OF_LIFE);
    let setting = select(current_setting("transaction_read_only")).get_result::<String>(connection);
    connection.reset_deadline();
    match setting?.as_str() {
        "off" => Ok(()),
        _ => Err(diesel::result::Error::DatabaseError(
            diesel::result::DatabaseErrorKind::ReadOnlyTransaction,
            Box::new("the database has become read-only".to_owned()),
        )),
    }
}

/// The database file. A process that has it open could go on writing into a removed or replaced file, whose data
/// nobody would find again.
struct SqliteFile {
    path: String,
    /// The file that was opened first.
    opened: OnceLock<Option<FileId>>,
}

/// Device and inode.
type FileId = (u64, u64);

impl SqliteFile {
    fn at(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            opened: OnceLock::new(),
        }
    }

    fn open(&self) -> ConnectionResult<SqliteConnection> {
        self.verify()?;
        let connection = open_sqlite(&self.path)?;
        self.opened.get_or_init(|| self.id());
        Ok(connection)
    }

    /// Fails if the file at the path is not the one that was opened.
    fn verify(&self) -> ConnectionResult<()> {
        match self.opened.get() {
            Some(opened) if *opened != self.id() => Err(ConnectionError::BadConnection(format!(
                "{} was removed, or another file is in its place: put it back, or restart on what is there",
                self.path
            ))),
            _ => Ok(()),
        }
    }

    /// The file's identity; none for names that SQLite does not treat as a path.
    fn id(&self) -> Option<FileId> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }
}

fn open_sqlite(path: &str) -> ConnectionResult<SqliteConnection> {
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
    folding::register(&mut connection).map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Creates a missing database file, readable by its owner only; SQLite gives its side files the same mode. Errors are
/// left to SQLite to report. An existing file must not be opened: closing it would release this process's POSIX locks
/// on it, and the next process to close the database would remove the WAL in use.
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
