//! A backup of all tables as JSON lines, the same for both databases: one snapshot, counted and sealed by a MAC. Tables and columns are
//! asked of the database, so that a migration changes nothing here.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead, Write},
    time::Duration,
};

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{
    Connection, QueryableByName, RunQueryDsl, connection::DefaultLoadingMode, sql_query, sql_types::Text,
};
use domain::pepper::{Digest, Pepper};
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Store, StoreError, database::connection::AnyConnection, store::aside};

const FORMAT: u32 = 1;
/// What the MAC is made for.
const PURPOSE: &str = "backup";
/// What is of the hour alone: running nodes, sessions and attempts, one-time links that may have been used since, and keys that
/// may have been taken back since where others publish them.
const LEFT_OUT: [&str; 7] = [
    "__diesel_schema_migrations",
    "nodes",
    "pepper_nodes",
    "sessions",
    "sign_in_attempts",
    "enrolments",
    "published_keys",
];
/// Migrations fill these: a restore puts the backup's rows in their place.
const SEEDED: [&str; 2] = ["change_counter", "audit_head"];
/// How long one statement may take.
const SLOWEST: Duration = Duration::from_secs(600);
/// How many rows are read or written at once.
const BATCH: usize = 500;

/// Why a backup can't be made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file.
    #[error("the file can't be read or written: {0}")]
    Io(#[from] io::Error),
    /// The file is no backup, is cut off, or was changed.
    #[error("{0}")]
    Form(String),
}

impl From<diesel::result::Error> for BackupError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}

fn form(text: &str) -> BackupError {
    BackupError::Form(text.to_owned())
}

/// The first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The format of the lines.
    wmda_auth_backup: u32,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The newest migration of its schema.
    pub schema: String,
}

#[derive(Serialize, Deserialize)]
struct RowLine {
    table: String,
    row: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct End {
    counts: BTreeMap<String, u64>,
    mac: String,
}

/// What a backup holds.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its first line.
    pub header: Header,
    /// Rows by table.
    pub counts: BTreeMap<String, u64>,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct Pair {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

/// Writes lines, and hashes what it wrote.
struct Writer<'a> {
    out: &'a mut (dyn Write + Send),
    hash: digest::Context,
}

impl Writer<'_> {
    fn line(&mut self, line: &impl Serialize) -> Result<(), BackupError> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::from)?;
        text.push(b'\n');
        self.hash.update(&text);
        Ok(self.out.write_all(&text)?)
    }
}

fn mac(pepper: &Pepper, hash: digest::Context) -> Vec<Digest> {
    pepper.tags(PURPOSE, hash.finish().as_ref())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Store {
    /// Writes everything, as it is at one instant. Blocks; requests go on meanwhile.
    pub fn backup(
        &self,
        pepper: &Pepper,
        now: DateTime<Utc>,
        out: &mut (dyn Write + Send),
    ) -> Result<Summary, BackupError> {
        let mut writer = Writer {
            out,
            hash: digest::Context::new(&digest::SHA256),
        };
        let summary = self.with_any(|connection| {
            connection.transaction(|connection| {
                begin_snapshot(connection)?;
                let header = Header {
                    wmda_auth_backup: FORMAT,
                    made_at: now,
                    schema: schema(connection)?,
                };
                writer.line(&header)?;
                let mut counts = BTreeMap::new();
                for table in tables(connection)? {
                    let count = export(connection, &table, &mut writer)?;
                    counts.insert(table, count);
                }
                Ok::<_, BackupError>(Summary { header, counts })
            })
        })?;
        let tag = mac(pepper, writer.hash.clone());
        let end = End {
            counts: summary.counts.clone(),
            mac: tag.first().map(|tag| hex(tag)).unwrap_or_default(),
        };
        writer.line(&end)?;
        writer.out.flush()?;
        Ok(summary)
    }

    /// Fills an empty database of the same schema; all of it or nothing. The backup was read to its end before
    /// ([`read_backup`]).
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

    fn with_any<T: Send>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, BackupError> + Send,
    ) -> Result<T, BackupError> {
        aside(|| {
            self.with_connection(|connection| {
                if let AnyConnection::Postgres(connection) = connection {
                    connection.set_deadline(SLOWEST);
                }
                let outcome = work(connection);
                if let AnyConnection::Postgres(connection) = connection {
                    connection.reset_deadline();
                }
                Ok(outcome)
            })
        })?
    }
}

/// Reads a backup to its end: whether it is whole, and made under one of this pepper's versions.
pub fn read_backup(pepper: &Pepper, backup: impl BufRead) -> Result<Summary, BackupError> {
    let mut lines = backup.lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let header: Header = serde_json::from_str(&first).map_err(|_| form("it is no backup of wmda-auth"))?;
    if header.wmda_auth_backup != FORMAT {
        return Err(form(
            "it was made by a newer version of wmda-auth: restore it with that one",
        ));
    }
    let mut hash = digest::Context::new(&digest::SHA256);
    let (mut counts, mut held) = (BTreeMap::<String, u64>::new(), first);
    for line in lines {
        let line = line?;
        hash.update(held.as_bytes());
        hash.update(b"\n");
        if let Ok(row) = serde_json::from_str::<RowLine>(&held) {
            *counts.entry(row.table).or_default() += 1;
        }
        held = line;
    }
    let end: End = serde_json::from_str(&held).map_err(|_| form("its end is missing: it was cut off"))?;
    let genuine = mac(pepper, hash).iter().any(|tag| hex(tag) == end.mac);
    let same = end
        .counts
        .iter()
        .all(|(table, count)| counts.get(table).copied().unwrap_or(0) == *count);
    match (genuine, same) {
        (true, true) => Ok(Summary {
            header,
            counts: end.counts,
        }),
        _ => Err(form(
            "it was changed, or made under a pepper that is not in the file: put that pepper's lines back",
        )),
    }
}

fn begin_snapshot(connection: &mut AnyConnection) -> Result<(), BackupError> {
    if let AnyConnection::Postgres(connection) = connection {
        sql_query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(connection)?;
    }
    no_time_limit(connection)
}

fn no_time_limit(connection: &mut AnyConnection) -> Result<(), BackupError> {
    if let AnyConnection::Postgres(connection) = connection {
        sql_query("SET LOCAL statement_timeout = 0").execute(connection)?;
    }
    Ok(())
}

fn lines(connection: &mut AnyConnection, sqlite: &str, postgres: &str) -> Result<Vec<String>, BackupError> {
    let found: Vec<Line> = match connection {
        AnyConnection::Postgres(connection) => sql_query(postgres).load(connection)?,
        AnyConnection::Sqlite(connection) => sql_query(sqlite).load(connection)?,
    };
    Ok(found.into_iter().map(|found| found.line).collect())
}

fn schema(connection: &mut AnyConnection) -> Result<String, BackupError> {
    let newest = "SELECT max(version) AS line FROM __diesel_schema_migrations";
    Ok(lines(connection, newest, newest)?.pop().unwrap_or_default())
}

fn tables(connection: &mut AnyConnection) -> Result<Vec<String>, BackupError> {
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

/// Name and declared type of each column.
fn columns(connection: &mut AnyConnection, table: &str) -> Result<Vec<Pair>, BackupError> {
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

fn export(connection: &mut AnyConnection, table: &str, out: &mut Writer<'_>) -> Result<u64, BackupError> {
    let known = columns(connection, table)?;
    let mut count = 0;
    let mut write = |text: &str| -> Result<(), BackupError> {
        let row = serde_json::from_str(text).map_err(io::Error::from)?;
        count += 1;
        out.line(&RowLine {
            table: table.to_owned(),
            row,
        })
    };
    match connection {
        AnyConnection::Postgres(connection) => {
            let query = format!("SELECT row_to_json(t)::text AS line FROM \"{table}\" t");
            sql_query(format!("DECLARE backup NO SCROLL CURSOR FOR {query}")).execute(connection)?;
            loop {
                let rows: Vec<Line> = sql_query(format!("FETCH {BATCH} FROM backup")).load(connection)?;
                if rows.is_empty() {
                    break;
                }
                rows.iter().try_for_each(|row| write(&row.line))?;
            }
            sql_query("CLOSE backup").execute(connection)?;
        }
        AnyConnection::Sqlite(connection) => {
            let fields: Vec<String> = known.iter().map(as_json).collect();
            let query = format!(
                "SELECT json_object({}) AS line FROM \"{table}\"",
                fields.join(", ")
            );
            let rows = sql_query(query).load_iter::<Line, DefaultLoadingMode>(connection)?;
            for row in rows {
                write(&row?.line)?;
            }
        }
    }
    Ok(count)
}

/// As Postgres writes it: bytes in hexadecimal behind `\x`, truth as such.
fn as_json(column: &Pair) -> String {
    let name = &column.name;
    match column.kind.as_str() {
        "BLOB" => format!("'{name}', '\\x' || lower(hex(\"{name}\"))").replace(
            "'\\x' ||",
            &format!("CASE WHEN \"{name}\" IS NULL THEN NULL ELSE '\\x' END ||"),
        ),
        "BOOLEAN" => {
            format!("'{name}', json(CASE \"{name}\" WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END)")
        }
        _ => format!("'{name}', \"{name}\""),
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

/// Puts rows in, those first that others refer to.
struct Import {
    order: Vec<String>,
    columns: BTreeMap<String, Vec<Pair>>,
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

    /// Rows of a table stand together in the file, tables by name: what has to wait is kept until the end.
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

fn from_json(column: &Pair) -> String {
    let value = format!("json_extract(value, '$.\"{}\"')", column.name);
    match column.kind.as_str() {
        "BLOB" => format!("unhex(substr({value}, 3))"),
        _ => value,
    }
}

/// Times are compared as text: they need the form that diesel gives them.
fn in_sqlite(mut row: Map<String, Value>, columns: &[Pair]) -> Map<String, Value> {
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

/// Which table refers to which.
fn references(connection: &mut AnyConnection) -> Result<Vec<(String, String)>, BackupError> {
    let sqlite = "SELECT m.name AS name, p.\"table\" AS kind FROM sqlite_master m, pragma_foreign_key_list(m.name) p \
                  WHERE m.type = 'table'";
    let postgres = "SELECT conrelid::regclass::text AS name, confrelid::regclass::text AS kind FROM pg_constraint \
                    WHERE contype = 'f'";
    let found: Vec<Pair> = match connection {
        AnyConnection::Postgres(connection) => sql_query(postgres).load(connection)?,
        AnyConnection::Sqlite(connection) => sql_query(sqlite).load(connection)?,
    };
    Ok(found.into_iter().map(|pair| (pair.name, pair.kind)).collect())
}

fn in_order(tables: Vec<String>, references: &[(String, String)]) -> Vec<String> {
    let (mut order, mut left): (Vec<String>, BTreeSet<String>) = (Vec::new(), tables.into_iter().collect());
    while !left.is_empty() {
        let waits = |table: &String| {
            references
                .iter()
                .any(|(from, to)| from == table && to != table && left.contains(to))
        };
        let mut next: Vec<String> = left.iter().filter(|table| !waits(table)).cloned().collect();
        if next.is_empty() {
            // A circle: the database will say which constraint it breaks.
            next = left.iter().cloned().collect();
        }
        left.retain(|table| !next.contains(table));
        order.append(&mut next);
    }
    order
}
