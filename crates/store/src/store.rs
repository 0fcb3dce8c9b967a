//! The store: a pool behind a bounded queue. Whoever can't be served in time gets [`StoreError::Busy`].

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::pepper::Pepper;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    DatabaseUrl, StoreError,
    database::{connection::AnyConnection, connector::Connector, migrations, pepper_checks},
};

/// How long a request waits for its turn, and then for its answer: together below two seconds.
const TURN: Duration = Duration::from_millis(500);
const ANSWER: Duration = Duration::from_millis(1200);

/// Access to the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: r2d2::Pool<Connector>,
    turns: Arc<Semaphore>,
}

/// Connections of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// In use.
    pub busy: u32,
    /// Open, and free.
    pub idle: u32,
    /// As many as there may be.
    pub most: u32,
}

impl Store {
    /// How the pool stands now.
    pub fn connections(&self) -> Connections {
        let state = self.pool.state();
        Connections {
            busy: state.connections.saturating_sub(state.idle_connections),
            idle: state.idle_connections,
            most: self.pool.max_size(),
        }
    }

    /// Opens a pool and checks that the database answers. One connection is added for the poller, which must never
    /// queue behind requests.
    pub fn open(url: &DatabaseUrl, pool_size: u32) -> Result<Self, StoreError> {
        let connector =
            aside(|| Connector::start(url).map_err(|error| StoreError::Unreachable(error.to_string())))?;
        let pool = r2d2::Pool::builder()
            .max_size(pool_size + 1)
            // Connections are made when they are asked for: none is under way behind a command that has ended.
            .min_idle(Some(0))
            .connection_timeout(ANSWER)
            .error_handler(Box::new(r2d2::LoggingErrorHandler))
            .build(connector)
            .map_err(|error| StoreError::Unreachable(error.to_string()))?;
        Ok(Self {
            pool,
            turns: Arc::new(Semaphore::new(pool_size as usize)),
        })
    }

    /// Applies pending migrations; for start-up, blocks.
    pub fn migrate(&self) -> Result<(), StoreError> {
        aside(|| self.with_connection(migrations::run))
    }

    /// Refuses a schema that is older or newer than this binary; for start-up, blocks.
    pub fn verify_schema(&self) -> Result<(), StoreError> {
        aside(|| self.with_connection(migrations::verify))
    }

    /// Remembers new versions of the pepper, refuses one that differs from what is remembered or that is missing while
    /// something needs it, and tells the pepper which one is active; for start-up, blocks.
    pub fn verify_pepper(&self, pepper: &Pepper, now: DateTime<Utc>) -> Result<(), StoreError> {
        aside(|| self.with_connection(|connection| pepper_checks::verify(connection, pepper, now)))
    }

    /// The same for a pepper that was read while the server runs.
    pub async fn check_pepper(&self, pepper: Arc<Pepper>, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.run(move |connection| pepper_checks::verify(connection, &pepper, now))
            .await
    }

    /// The version of the pepper that is active, if the database has one.
    pub async fn active_pepper(&self) -> Result<Option<i32>, StoreError> {
        self.run(pepper_checks::active).await
    }

    /// Runs a query from asynchronous code.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.turn().await?;
        answer_in_time(self.spawn(query, turn)).await
    }

    /// Like [`Store::run`], but waits for the outcome however late it comes: for work in the background that must
    /// know whether it was done.
    pub(crate) async fn run_to_end<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.turn().await?;
        self.spawn(query, turn).await
    }

    /// Like [`Store::run`], without waiting in the queue: for the poller alone.
    pub(crate) async fn run_ahead<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        answer_in_time(self.spawn(query, ())).await
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        tokio::time::timeout(TURN, turn)
            .await
            .map_err(|_| StoreError::Busy)?
            .map_err(|_| StoreError::Busy)
    }

    /// The turn goes along with the work: a query that hangs keeps its place taken even when nobody waits for it.
    async fn spawn<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
        turn: impl Send + 'static,
    ) -> Result<T, StoreError> {
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

/// Does on a thread of its own what must not be done inside a runtime, and waits for it.
pub(crate) fn aside<T: Send>(work: impl FnOnce() -> Result<T, StoreError> + Send) -> Result<T, StoreError> {
    std::thread::scope(|scope| scope.spawn(work).join()).unwrap_or(Err(StoreError::Busy))
}

async fn answer_in_time<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(ANSWER, work)
        .await
        .unwrap_or(Err(StoreError::Busy))
}
