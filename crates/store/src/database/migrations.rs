//! Embedded migrations, run under a lock so that nodes can start at once; a schema newer than the binary is refused.

use std::time::Duration;

use diesel::{RunQueryDsl, SqliteConnection, migration::MigrationSource, sql_query};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    StoreError,
    database::{
        connection::AnyConnection,
        connector::{SQLITE_PATIENCE, SQLITE_SET_UP_PATIENCE},
        postgres::{PostgresConnection, STATEMENT_MS},
    },
};

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
/// An arbitrary number that only this product uses for `pg_advisory_lock`.
const LOCK: i64 = 0x77_6d_64_61;
/// How long one migration may take, or another node's that is waited for.
const MIGRATION: Duration = Duration::from_secs(3600);

/// Applies what is pending.
pub(crate) fn run(connection: &mut AnyConnection) -> Result<(), StoreError> {
    match connection {
        AnyConnection::Postgres(connection) => run_postgres(connection),
        AnyConnection::Sqlite(connection) => run_sqlite(connection),
    }
}

/// Checks that nothing is pending and nothing is unknown, without changing anything.
pub(crate) fn verify(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let pending = match connection {
        AnyConnection::Postgres(connection) => pending::<diesel::pg::Pg>(connection, &POSTGRES)?,
        AnyConnection::Sqlite(connection) => pending::<diesel::sqlite::Sqlite>(connection, &SQLITE)?,
    };
    if pending {
        Err(StoreError::Schema(
            "the schema is not up to date: run `wmda-auth migrate`".into(),
        ))
    } else {
        Ok(())
    }
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

fn apply<DB: diesel::backend::Backend>(
    connection: &mut impl MigrationHarness<DB>,
    known: fn() -> EmbeddedMigrations,
) -> Result<(), StoreError> {
    pending::<DB>(connection, &known())?;
    connection
        .run_pending_migrations(known())
        .map(drop)
        .map_err(|error| StoreError::Schema(error.to_string()))
}

fn pending<DB: diesel::backend::Backend>(
    connection: &mut impl MigrationHarness<DB>,
    known: &EmbeddedMigrations,
) -> Result<bool, StoreError> {
    let schema = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Schema(error.to_string());
    let applied = connection.applied_migrations().map_err(schema)?;
    let known: Vec<_> = MigrationSource::<DB>::migrations(known)
        .map_err(schema)?
        .iter()
        .map(|known| known.name().version().as_owned())
        .collect();
    if applied.iter().any(|version| !known.contains(version)) {
        return Err(StoreError::Schema(
            "the database was made by a newer version of wmda-auth: run that version, this one would not understand it".into(),
        ));
    }
    Ok(applied.len() < known.len())
}
