//! A diesel connection over tokio-postgres, each with a current-thread runtime of its own: the calling thread drives
//! the socket, and no query is waited for beyond its deadline.

use std::{any::Any, io, time::Duration};

use diesel::{
    Connection, ConnectionError, ConnectionResult, QueryResult,
    connection::{
        AnsiTransactionManager, CacheSize, ConnectionSealed, Instrumentation, LoadConnection,
        MultiConnectionHelper, SimpleConnection,
    },
    expression::QueryMetadata,
    migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection},
    pg::{FailedToLookupTypeError, Pg, PgMetadataCacheKey, PgMetadataLookup, PgQueryBuilder, PgTypeMetadata},
    query_builder::{
        AstPass, Query, QueryBuilder, QueryFragment, QueryId, bind_collector::RawBytesBindCollector,
    },
    result::{DatabaseErrorKind, Error},
    sql_types::{TypeMetadata, Untyped},
};
use diesel_async::{AsyncConnection, AsyncConnectionCore, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::TryStreamExt;
use tokio::{runtime::Runtime, task::JoinHandle, time::timeout};

/// Client-side deadline of a query: above the server's `statement_timeout`, so that a live server's own error comes
/// first.
pub(super) const QUESTION: Duration = Duration::from_secs(2);
/// Time for a clean disconnect.
const FAREWELL: Duration = Duration::from_millis(50);

type Lookup = <Pg as TypeMetadata>::MetadataLookup;
/// A row of diesel-async.
type Row = <AsyncPgConnection as AsyncConnectionCore>::Row<'static, 'static>;

/// A connection to PostgreSQL. After a timed-out query it is broken, since the next answer may belong to that one.
pub(crate) struct PostgresConnection {
    // Dropped before its driver, so that the server is told.
    inner: AsyncPgConnection,
    driver: Driver,
    transactions: AnsiTransactionManager,
    deadline: Duration,
    state: State,
}

/// The runtime that reads and writes the socket during a query.
struct Driver {
    /// `None` once it is dropped.
    runtime: Option<Runtime>,
    task: Option<JoinHandle<()>>,
    /// Whether a clean disconnect can still reach the server.
    answers: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Sound,
    /// Closed or disconnected.
    Lost,
    /// A query timed out.
    Silent,
}

impl PostgresConnection {
    pub(super) fn new(runtime: Runtime, (inner, task): (AsyncPgConnection, JoinHandle<()>)) -> Self {
        Self {
            inner,
            driver: Driver {
                runtime: Some(runtime),
                task: Some(task),
                answers: true,
            },
            transactions: AnsiTransactionManager::default(),
            deadline: QUESTION,
            state: State::Sound,
        }
    }

    /// Sets the deadline of the following queries.
    pub(crate) fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// Restores the default deadline.
    pub(crate) fn reset_deadline(&mut self) {
        self.deadline = QUESTION;
    }

    /// Whether the connection can't be used any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.state != State::Sound
    }

    /// Whether a query timed out.
    pub(crate) fn is_silent(&self) -> bool {
        self.state == State::Silent
    }

    /// Executes a statement; not generic over queries, so that it is compiled once.
    fn count(&mut self, statement: Statement) -> QueryResult<usize> {
        self.ask(async |inner| inner.execute_returning_count(statement).await)
    }

    /// As [`Self::count`].
    fn rows(&mut self, statement: Statement) -> QueryResult<Rows> {
        let rows: Vec<Row> = self.ask(async |inner| inner.load(statement).await?.try_collect().await)?;
        Ok(Rows(rows.into_iter()))
    }

    /// Runs one query and waits for its answer until the deadline.
    fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        let (Some(runtime), false) = (&self.driver.runtime, self.is_broken()) else {
            return Err(lost("the connection is broken"));
        };
        let inner = &mut self.inner;
        let answer = runtime.block_on(async { timeout(self.deadline, question(inner)).await });
        let outcome = match answer {
            Ok(outcome) => outcome,
            Err(_) => {
                self.state = State::Silent;
                let waited = self.deadline.as_millis();
                Err(lost(format!("the database did not answer within {waited} ms")))
            }
        };
        if self.state == State::Sound && outcome.as_ref().err().is_some_and(is_loss) {
            self.state = State::Lost;
        }
        self.driver.answers = self.state == State::Sound;
        outcome
    }
}

/// Whether the connection failed, not the statement.
fn is_loss(error: &Error) -> bool {
    use DatabaseErrorKind::{ClosedConnection, UnableToSendCommand};
    matches!(
        error,
        Error::DatabaseError(UnableToSendCommand | ClosedConnection, _)
    )
}

fn lost(text: impl Into<String>) -> Error {
    Error::DatabaseError(DatabaseErrorKind::UnableToSendCommand, Box::new(text.into()))
}

impl Drop for Driver {
    /// Disconnects cleanly, as the server logs a line for a connection that just drops; not inside a runtime, where
    /// blocking is forbidden.
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        let may_wait = self.answers && tokio::runtime::Handle::try_current().is_err();
        if let Some(task) = self.task.take().filter(|_| may_wait) {
            // Whether the server got it or not, this side is done.
            let _ = runtime.block_on(async { timeout(FAREWELL, task).await });
        }
        runtime.shutdown_background();
    }
}

impl SimpleConnection for PostgresConnection {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.ask(async |inner| inner.batch_execute(query).await)
    }
}

impl ConnectionSealed for PostgresConnection {}

impl Connection for PostgresConnection {
    type Backend = Pg;
    type TransactionManager = AnsiTransactionManager;

    /// Not supported: `Postgres` connects, as it alone knows hosts, TLS and deadlines.
    fn establish(_url: &str) -> ConnectionResult<Self> {
        let error = io::Error::from(io::ErrorKind::Unsupported);
        Err(ConnectionError::BadConnection(error.to_string()))
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        self.count(Statement::of(source)?)
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        &mut self.transactions
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.inner.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.inner.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.inner.set_prepared_statement_cache_size(size);
    }
}

impl LoadConnection for PostgresConnection {
    type Cursor<'conn, 'query> = Rows;
    type Row<'conn, 'query> = Row;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> QueryResult<Rows>
    where
        T: Query + QueryFragment<Pg> + QueryId + 'query,
        Pg: QueryMetadata<T::SqlType>,
    {
        self.rows(Statement::of(&source)?)
    }
}

impl MigrationConnection for PostgresConnection {
    fn setup(&mut self) -> QueryResult<usize> {
        self.batch_execute(CREATE_MIGRATIONS_TABLE).map(|()| 0)
    }
}

impl MultiConnectionHelper for PostgresConnection {
    fn to_any<'a>(lookup: &mut Lookup) -> &mut (dyn Any + 'a) {
        lookup.as_any()
    }

    fn from_any(lookup: &mut dyn Any) -> Option<&mut Lookup> {
        lookup
            .downcast_mut::<BuiltInTypes>()
            .map(|lookup| lookup as &mut dyn PgMetadataLookup)
    }
}

/// The rows of a complete answer.
pub(crate) struct Rows(std::vec::IntoIter<Row>);

impl Iterator for Rows {
    type Item = QueryResult<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(Ok)
    }
}

/// A type look-up that always fails: all column types here are built in.
struct BuiltInTypes;

impl PgMetadataLookup for BuiltInTypes {
    fn lookup_type(&mut self, type_name: &str, schema: Option<&str>) -> PgTypeMetadata {
        let schema = schema.map(|schema| schema.to_owned().into());
        let key = PgMetadataCacheKey::new(schema, type_name.to_owned().into());
        PgTypeMetadata::from_result(Err(FailedToLookupTypeError::new(key)))
    }

    fn as_any<'a>(&mut self) -> &mut (dyn Any + 'a)
    where
        Self: 'a,
    {
        self
    }
}

/// A query as SQL text and bind values. diesel-async can't collect those of a `MultiConnection`, as its type look-up
/// does not pass through one.
struct Statement {
    sql: String,
    cacheable: bool,
    values: RawBytesBindCollector<Pg>,
}

impl Statement {
    fn of(query: &(impl QueryFragment<Pg> + ?Sized)) -> QueryResult<Self> {
        let mut text = PgQueryBuilder::default();
        query.to_sql(&mut text, &Pg)?;
        let mut values = RawBytesBindCollector::new();
        query.collect_binds(&mut values, &mut BuiltInTypes, &Pg)?;
        Ok(Self {
            sql: text.finish(),
            cacheable: query.is_safe_to_cache_prepared(&Pg)?,
            values,
        })
    }
}

impl QueryFragment<Pg> for Statement {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        pass.push_sql(&self.sql);
        if !self.cacheable {
            pass.unsafe_to_cache_prepared();
        }
        pass.push_bind_collector_data(&self.values)
    }
}

/// Prepared statements are cached by their text.
impl QueryId for Statement {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement {
    type SqlType = Untyped;
}
