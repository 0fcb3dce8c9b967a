//! Restoring a backup into an empty database.

use std::{
    collections::BTreeMap,
    io::{self, BufRead},
};

use chrono::NaiveDateTime;
use diesel::{Connection, RunQueryDsl, sql_query, sql_types::Text};
use serde_json::{Map, Value};

use crate::{
    Store,
    backup::{
        error::BackupError,
        file::{Header, RowLine, Summary},
        session::{BATCH, no_time_limit},
        tables::{Column, columns, in_order, lines, references, schema, tables},
    },
    database::connection::AnyConnection,
};

/// Tables that migrations seed: a restore replaces their rows.
const SEEDED: [&str; 2] = ["change_counter", "audit_head"];

impl Store {
    /// Restores a backup, verified before by [`crate::backup::read_backup`], into an empty database of the same
    /// schema; all or nothing.
    pub fn restore(&self, summary: &Summary, backup: impl BufRead + Send) -> Result<(), BackupError> {
        self.with_any(|connection| {
            connection.transaction(|connection| {
                no_time_limit(connection)?;
                refuse_unlike(connection, &summary.header)?;
                refuse_filled(connection)?;
                for table in SEEDED {
                    sql_query(format!("DELETE FROM {table}")).execute(connection)?;
                }
                Import::new(connection)?.run(connection, backup)
            })
        })
    }
}

fn refuse_unlike(connection: &mut AnyConnection, header: &Header) -> Result<(), BackupError> {
    let own = schema(connection)?;
    match own == header.schema {
        true => Ok(()),
        false => Err(BackupError::Form(format!(
            "it has the schema {}, this version of wmda-auth has {own}: restore it with the version that made it, then upgrade",
            header.schema
        ))),
    }
}

fn refuse_filled(connection: &mut AnyConnection) -> Result<(), BackupError> {
    for table in tables(connection)? {
        if SEEDED.contains(&table.as_str()) {
            continue;
        }
        let query = format!("SELECT '1' AS line FROM \"{table}\" LIMIT 1");
        if !lines(connection, &query, &query)?.is_empty() {
            return Err(BackupError::Form(format!(
                "the database is not empty ({table} has rows): restore into a new one, and name that in database.url"
            )));
        }
    }
    Ok(())
}

/// Inserts rows, referenced tables first.
struct Import {
    order: Vec<String>,
    columns: BTreeMap<String, Vec<Column>>,
}

impl Import {
    fn new(connection: &mut AnyConnection) -> Result<Self, BackupError> {
        let all = tables(connection)?;
        let mut columns_of = BTreeMap::new();
        for table in &all {
            columns_of.insert(table.clone(), columns(connection, table)?);
        }
        Ok(Self {
            order: in_order(all, &references(connection)?),
            columns: columns_of,
        })
    }

    /// In the file, rows are grouped by table and tables sorted by name: rows that must wait for others are buffered
    /// until the end.
    fn run(&self, connection: &mut AnyConnection, backup: impl BufRead) -> Result<(), BackupError> {
        let mut waiting: BTreeMap<String, Vec<Map<String, Value>>> = BTreeMap::new();
        for line in backup.lines().skip(1) {
            if let Ok(row) = serde_json::from_str::<RowLine>(&line?) {
                waiting.entry(row.table).or_default().push(row.row);
            }
        }
        for table in &self.order {
            for rows in waiting.remove(table).unwrap_or_default().chunks(BATCH) {
                self.insert(connection, table, rows.to_vec())?;
            }
        }
        match waiting.keys().next() {
            None => Ok(()),
            Some(table) => Err(BackupError::Form(format!(
                "it has a table {table}, which this version does not know"
            ))),
        }
    }

    fn insert(
        &self,
        connection: &mut AnyConnection,
        table: &str,
        rows: Vec<Map<String, Value>>,
    ) -> Result<(), BackupError> {
        let known = self.columns.get(table).map_or(&[][..], Vec::as_slice);
        let names: Vec<String> = known
            .iter()
            .map(|column| format!("\"{}\"", column.name))
            .collect();
        let names = names.join(", ");
        match connection {
            AnyConnection::Postgres(connection) => {
                let rows = serde_json::to_string(&rows).map_err(io::Error::from)?;
                sql_query(format!(
                    "INSERT INTO \"{table}\" ({names}) SELECT {names} FROM json_populate_recordset(NULL::\"{table}\", $1::json)"
                ))
                .bind::<Text, _>(rows)
                .execute(connection)?;
            }
            AnyConnection::Sqlite(connection) => {
                let rows: Vec<_> = rows.into_iter().map(|row| in_sqlite(row, known)).collect();
                let rows = serde_json::to_string(&rows).map_err(io::Error::from)?;
                let values: Vec<String> = known.iter().map(from_json).collect();
                sql_query(format!(
                    "INSERT INTO \"{table}\" ({names}) SELECT {} FROM json_each(?)",
                    values.join(", ")
                ))
                .bind::<Text, _>(rows)
                .execute(connection)?;
            }
        }
        Ok(())
    }
}

fn from_json(column: &Column) -> String {
    let value = format!("json_extract(value, '$.\"{}\"')", column.name);
    match column.kind.as_str() {
        "BLOB" => format!("unhex(substr({value}, 3))"),
        _ => value,
    }
}

/// SQLite compares times as text, so they must have the form that diesel writes.
fn in_sqlite(mut row: Map<String, Value>, columns: &[Column]) -> Map<String, Value> {
    for column in columns.iter().filter(|column| column.kind == "TIMESTAMP") {
        let Some(Value::String(text)) = row.get_mut(&column.name) else {
            continue;
        };
        if let Ok(at) = NaiveDateTime::parse_from_str(&text.replace(' ', "T"), "%Y-%m-%dT%H:%M:%S%.f") {
            *text = at.format("%F %T%.f").to_string();
        }
    }
    row
}
