//! Embedded migrations, applied under a lock so that nodes can start at once; a schema newer than the binary is
//! refused.

use std::time::Duration;

use diesel::{
    QueryDsl, QueryableByName, RunQueryDsl, SqliteConnection, backend::Backend, migration::MigrationSource,
    sql_query, sql_types::BigInt,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    StoreError,
    database::{
        connection::AnyConnection,
        connector::{SQLITE_PATIENCE, SQLITE_SET_UP_PATIENCE},
        postgres::{PostgresConnection, STATEMENT_MS},
    },
};

pub(crate) const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
/// The key for `pg_advisory_lock`, arbitrary but unique to this product.
const LOCK: i64 = 0x77_6d_64_61;
/// Time-out of a migration, or of waiting for another node's.
const MIGRATION: Duration = Duration::from_secs(3600);

diesel::table! {
    __diesel_schema_migrations (version) { version -> Text, }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Applies pending migrations.
pub(crate) fn run(connection: &mut AnyConnection) -> Result<(), StoreError> {
    match connection {
        AnyConnection::Postgres(connection) => run_postgres(connection),
        AnyConnection::Sqlite(connection) => run_sqlite(connection),
    }
}

/// Applies pending migrations to an existing database.
pub(crate) fn upgrade(connection: &mut AnyConnection) -> Result<(), StoreError> {
    match applied(connection)?.as_slice() {
        [] => Err(StoreError::Empty),
        applied if is_pending(connection, applied)? => run(connection),
        _ => Ok(()),
    }
}

/// Checks that no migration is pending or unknown, by reading only.
pub(crate) fn verify(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let applied = applied(connection)?;
    if is_pending(connection, &applied)? {
        Err(StoreError::Schema(
            "the schema is not up to date: run `wmda-auth migrate`".into(),
        ))
    } else {
        Ok(())
    }
}

/// The applied migrations. Diesel's own query creates its table first, which a role with rights on rows only may not.
fn applied(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let table = match connection {
        AnyConnection::Postgres(_) => {
            "SELECT count(*) AS count FROM pg_class WHERE oid = to_regclass('__diesel_schema_migrations')"
        }
        AnyConnection::Sqlite(_) => {
            "SELECT count(*) AS count FROM sqlite_master WHERE name = '__diesel_schema_migrations'"
        }
    };
    let found: Count = sql_query(table).get_result(connection)?;
    if found.count == 0 {
        return Ok(Vec::new());
    }
    Ok(__diesel_schema_migrations::table
        .select(__diesel_schema_migrations::version)
        .load(connection)?)
}

fn is_pending(connection: &AnyConnection, applied: &[String]) -> Result<bool, StoreError> {
    let known = match connection {
        AnyConnection::Postgres(_) => known::<diesel::pg::Pg>(&POSTGRES)?,
        AnyConnection::Sqlite(_) => known::<diesel::sqlite::Sqlite>(&SQLITE)?,
    };
    refuse_unknown(applied, &known)?;
    Ok(applied.len() < known.len())
}

fn known<DB: Backend>(embedded: &EmbeddedMigrations) -> Result<Vec<String>, StoreError> {
    let all = MigrationSource::<DB>::migrations(embedded).map_err(schema)?;
    Ok(all.iter().map(|one| one.name().version().to_string()).collect())
}

fn refuse_unknown(applied: &[String], known: &[String]) -> Result<(), StoreError> {
    match applied.iter().all(|version| known.contains(version)) {
        true => Ok(()),
        false => Err(StoreError::Schema(
            "the database was made by a newer version of wmda-auth: run that version, this one would not understand it".into(),
        )),
    }
}

fn schema(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Schema(error.to_string())
}

fn run_sqlite(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sql_query(format!("PRAGMA {SQLITE_SET_UP_PATIENCE}")).execute(connection)?;
    let outcome =
        connection.immediate_transaction(|connection| apply::<diesel::sqlite::Sqlite>(connection, || SQLITE));
    sql_query(format!("PRAGMA {SQLITE_PATIENCE}")).execute(connection)?;
    outcome
}

fn run_postgres(connection: &mut PostgresConnection) -> Result<(), StoreError> {
    connection.set_deadline(MIGRATION);
    sql_query("SET statement_timeout = 0").execute(connection)?;
    sql_query(format!("SELECT pg_advisory_lock({LOCK})")).execute(connection)?;
    let outcome = apply::<diesel::pg::Pg>(connection, || POSTGRES);
    sql_query(format!("SELECT pg_advisory_unlock({LOCK})")).execute(connection)?;
    sql_query(format!("SET statement_timeout = {STATEMENT_MS}")).execute(connection)?;
    connection.reset_deadline();
    outcome
}

fn apply<DB: Backend>(
    connection: &mut impl MigrationHarness<DB>,
    embedded: fn() -> EmbeddedMigrations,
) -> Result<(), StoreError> {
    let applied = connection.applied_migrations().map_err(schema)?;
    let applied: Vec<_> = applied.iter().map(ToString::to_string).collect();
    refuse_unknown(&applied, &known::<DB>(&embedded())?)?;
    connection
        .run_pending_migrations(embedded())
        .map(drop)
        .map_err(schema)
}
