//! The store: a connection pool behind a bounded queue. A request that can't be served in time gets
//! [`StoreError::Busy`].

use std::{any::Any, path::Path, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::pepper::Pepper;

use crate::{
    DatabaseUrl, StoreError,
    clients::nodes::{ServerState, server_state},
    database::{connection::AnyConnection, connector::Connector, migrations, pepper_checks, sessions},
    journal::Journal,
    tally::{Counted, Tally},
    turns::{Access, Turn, Turns},
};

/// Time-out of a query once it has its turn (see `turns`): together below two seconds.
const ANSWER: Duration = Duration::from_millis(1200);

/// Access to the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: r2d2::Pool<Connector>,
    turns: Turns,
    tally: Arc<Tally>,
    pub(crate) journal: Option<Arc<Journal>>,
}

/// Gauges of the connection pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// In use.
    pub busy: u32,
    /// Open and idle.
    pub idle: u32,
    /// The pool's maximum.
    pub most: u32,
}

impl Store {
    /// The pool's gauges now.
    pub fn connections(&self) -> Connections {
        let state = self.pool.state();
        Connections {
            busy: state.connections.saturating_sub(state.idle_connections),
            idle: state.idle_connections,
            most: self.pool.max_size(),
        }
    }

    /// Opens a pool and checks that the database answers. Two connections are added for polls and heartbeats, which
    /// must never queue behind requests.
    pub fn open(url: &DatabaseUrl, pool_size: u32) -> Result<Self, StoreError> {
        match url {
            DatabaseUrl::Sqlite(path) if is_missing(path) => Err(StoreError::NoFile(absolute(path))),
            _ => Self::create(url, pool_size),
        }
    }

    /// Like [`Store::open`], but creates a missing SQLite file.
    pub fn create(url: &DatabaseUrl, pool_size: u32) -> Result<Self, StoreError> {
        let connector =
            aside(|| Connector::start(url).map_err(|error| StoreError::Unreachable(error.to_string())))?;
        let pool = r2d2::Pool::builder()
            .max_size(pool_size + 2)
            // Connections are opened on demand: none is pending when a command ends.
            .min_idle(Some(0))
            .connection_timeout(ANSWER)
            // The caller that waited for the connection reports the error.
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build(connector)
            .map_err(|error| StoreError::Unreachable(error.to_string()))?;
        Ok(Self {
            pool,
            turns: Turns::new(pool_size as usize, matches!(url, DatabaseUrl::Sqlite(_))),
            tally: Arc::default(),
            journal: None,
        })
    }

    /// Applies pending migrations; for start-up, blocks.
    pub fn migrate(&self) -> Result<(), StoreError> {
        aside(|| self.with_connection(migrations::run))
    }

    /// Applies pending migrations to an existing database; refuses one without this product's tables, which may be
    /// the wrong one. For start-up, blocks.
    pub fn upgrade(&self) -> Result<(), StoreError> {
        aside(|| self.with_connection(migrations::upgrade))
    }

    /// Refuses a pooler that shares a session between clients; for start-up, blocks.
    pub fn verify_sessions(&self) -> Result<(), StoreError> {
        aside(|| self.with_connection(|one| self.with_connection(|two| sessions::verify_apart(one, two))))
    }

    /// The database's clock and replication state; for start-up, blocks.
    pub fn state(&self) -> Result<ServerState, StoreError> {
        aside(|| self.with_connection(server_state))
    }

    /// Refuses a schema that is older or newer than this binary; for start-up, blocks.
    pub fn verify_schema(&self) -> Result<(), StoreError> {
        aside(|| self.with_connection(migrations::verify))
    }

    /// Stores new pepper versions, refuses a version that differs from the stored one or that is missing but needed,
    /// and activates the active one in the pepper; for start-up, blocks.
    pub fn verify_pepper(&self, pepper: &Pepper, now: DateTime<Utc>) -> Result<(), StoreError> {
        aside(|| self.with_connection(|connection| pepper_checks::verify(connection, pepper, now)))
    }

    /// The same for a pepper read while the server runs.
    pub async fn check_pepper(&self, pepper: Arc<Pepper>, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.run(move |connection| pepper_checks::verify(connection, &pepper, now))
            .await
    }

    /// The active pepper version, if the database has one.
    pub async fn active_pepper(&self) -> Result<Option<i32>, StoreError> {
        self.run(pepper_checks::active).await
    }

    /// Runs a query from asynchronous code.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        typed(self.in_time(Access::Reading, untyped(query)).await)
    }

    /// Like [`Store::run`], for writes.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        typed(self.in_time(Access::Writing, untyped(query)).await)
    }

    /// Like [`Store::run`], but waits for the result however late it comes: for background work that must know
    /// whether it was done.
    pub(crate) async fn run_to_end<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        typed(self.to_end(Access::Reading, untyped(query)).await)
    }

    /// Like [`Store::run_to_end`], for writes.
    pub(crate) async fn write_to_end<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        typed(self.to_end(Access::Writing, untyped(query)).await)
    }

    /// Like [`Store::run`], but skips the queue: for the poller only.
    pub(crate) async fn run_ahead<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let work = answer_in_time(self.spawn(untyped(query), None));
        typed(self.tally.count(work).await)
    }

    pub(crate) async fn in_time(&self, access: Access, query: Query) -> Outcome {
        let work = async { answer_in_time(self.spawn(query, Some(self.turns.take(access).await?))).await };
        self.tally.count(work).await
    }

    async fn to_end(&self, access: Access, query: Query) -> Outcome {
        let work = async { self.spawn(query, Some(self.turns.take(access).await?)).await };
        self.tally.count(work).await
    }

    /// Statistics of database work so far.
    pub fn counted(&self) -> Counted {
        self.tally.counted()
    }

    /// The turn is held until the work ends: a query that hangs keeps it even when its caller has given up.
    async fn spawn(&self, query: Query, turn: Option<Turn>) -> Outcome {
        let store = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            store.with_connection(query)
        });
        work.await.map_err(|_| StoreError::Busy)?
    }

    pub(crate) fn with_connection<T>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut pooled = self
            .pool
            .get()
            .map_err(|error| StoreError::Unreachable(error.to_string()))?;
        query(&mut pooled.connection)
    }
}

/// A type-erased query: its execution is compiled once, not once per query.
pub(crate) type Query = Box<dyn FnOnce(&mut AnyConnection) -> Outcome + Send>;
pub(crate) type Outcome = Result<Box<dyn Any + Send>, StoreError>;

pub(crate) fn untyped<T: Send + 'static>(
    query: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
) -> Query {
    Box::new(move |connection| Ok(Box::new(query(connection)?)))
}

pub(crate) fn typed<T: 'static>(outcome: Outcome) -> Result<T, StoreError> {
    let answer = outcome?.downcast();
    answer
        .map(|answer| *answer)
        .map_err(|_| StoreError::Corrupt("answer"))
}

/// False for names that SQLite does not treat as a path.
fn is_missing(path: &str) -> bool {
    !path.starts_with(':') && !path.starts_with("file:") && !Path::new(path).exists()
}

fn absolute(path: &str) -> String {
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

/// Runs blocking work on a thread of its own, as it must not run inside a runtime, and waits for it.
pub(crate) fn aside<T: Send>(work: impl FnOnce() -> Result<T, StoreError> + Send) -> Result<T, StoreError> {
    std::thread::scope(|scope| scope.spawn(work).join()).unwrap_or(Err(StoreError::Busy))
}

async fn answer_in_time(work: impl Future<Output = Outcome>) -> Outcome {
    tokio::time::timeout(ANSWER, work)
        .await
        .unwrap_or(Err(StoreError::Busy))
}
