//! The database's catalogue: tables, their columns and foreign keys.

use std::collections::BTreeSet;

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::Text};

use crate::{backup::error::BackupError, database::connection::AnyConnection};

/// Tables left out of backups as transient: running nodes, sessions and sign-in attempts, one-time links that may
/// have been used since, and cached keys of publishers, which may have revoked them since.
const LEFT_OUT: [&str; 7] = [
    "__diesel_schema_migrations",
    "nodes",
    "pepper_nodes",
    "sessions",
    "sign_in_attempts",
    "enrolments",
    "published_keys",
];

#[derive(QueryableByName)]
pub(super) struct Line {
    #[diesel(sql_type = Text)]
    pub(super) line: String,
}

#[derive(QueryableByName)]
pub(super) struct Column {
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    /// Its declared SQL type.
    #[diesel(sql_type = Text)]
    pub(super) kind: String,
}

/// A foreign key.
#[derive(QueryableByName)]
pub(super) struct Reference {
    #[diesel(sql_type = Text)]
    referring: String,
    #[diesel(sql_type = Text)]
    referred: String,
}

pub(super) fn lines(
    connection: &mut AnyConnection,
    sqlite: &str,
    postgres: &str,
) -> Result<Vec<String>, BackupError> {
    let found: Vec<Line> = match connection {
        AnyConnection::Postgres(connection) => sql_query(postgres).load(connection)?,
        AnyConnection::Sqlite(connection) => sql_query(sqlite).load(connection)?,
    };
    Ok(found.into_iter().map(|found| found.line).collect())
}

pub(super) fn schema(connection: &mut AnyConnection) -> Result<String, BackupError> {
    let newest = "SELECT max(version) AS line FROM __diesel_schema_migrations";
    Ok(lines(connection, newest, newest)?.pop().unwrap_or_default())
}

pub(super) fn tables(connection: &mut AnyConnection) -> Result<Vec<String>, BackupError> {
    let all = lines(
        connection,
        "SELECT name AS line FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        "SELECT table_name::text AS line FROM information_schema.tables WHERE table_schema = current_schema() \
         AND table_type = 'BASE TABLE' ORDER BY table_name",
    )?;
    let kept = all
        .into_iter()
        .filter(|table| !LEFT_OUT.contains(&table.as_str()));
    Ok(kept.collect())
}

pub(super) fn columns(connection: &mut AnyConnection, table: &str) -> Result<Vec<Column>, BackupError> {
    Ok(match connection {
        AnyConnection::Postgres(connection) => sql_query(format!(
            "SELECT column_name::text AS name, data_type::text AS kind FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
        ))
        .load(connection)?,
        AnyConnection::Sqlite(connection) => sql_query(format!(
            "SELECT name, upper(type) AS kind FROM pragma_table_info('{table}') ORDER BY cid"
        ))
        .load(connection)?,
    })
}

/// All foreign keys.
pub(super) fn references(connection: &mut AnyConnection) -> Result<Vec<Reference>, BackupError> {
    let sqlite = "SELECT m.name AS referring, p.\"table\" AS referred FROM sqlite_master m, \
                  pragma_foreign_key_list(m.name) p WHERE m.type = 'table'";
    let postgres = "SELECT conrelid::regclass::text AS referring, confrelid::regclass::text AS referred \
                    FROM pg_constraint WHERE contype = 'f'";
    Ok(match connection {
        AnyConnection::Postgres(connection) => sql_query(postgres).load(connection)?,
        AnyConnection::Sqlite(connection) => sql_query(sqlite).load(connection)?,
    })
}

/// Sorts tables so that referenced ones come first.
pub(super) fn in_order(tables: Vec<String>, references: &[Reference]) -> Vec<String> {
    let (mut order, mut left): (Vec<String>, BTreeSet<String>) = (Vec::new(), tables.into_iter().collect());
    while !left.is_empty() {
        let waits = |table: &String| {
            references
                .iter()
                .any(|one| one.referring == *table && one.referred != *table && left.contains(&one.referred))
        };
        let mut next: Vec<String> = left.iter().filter(|table| !waits(table)).cloned().collect();
        if next.is_empty() {
            // A circular reference: the database will report the constraint that fails.
            next = left.iter().cloned().collect();
        }
        left.retain(|table| !next.contains(table));
        order.append(&mut next);
    }
    order
}
