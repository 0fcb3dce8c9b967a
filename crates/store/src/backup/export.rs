//! Making a backup: every row of every table, in one snapshot.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use diesel::{Connection, RunQueryDsl, connection::DefaultLoadingMode, sql_query};
use domain::pepper::Pepper;
use ring::digest;

use crate::{
    Store,
    backup::{
        error::BackupError,
        file::{End, FORMAT, Header, RowLine, Summary, Writer, mac},
        session::{BATCH, no_time_limit},
        tables::{Column, Line, columns, schema, tables},
    },
    database::connection::AnyConnection,
};

impl Store {
    /// Writes a backup of one snapshot. Blocks; requests are served meanwhile.
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
            mac: tag.first().map(|tag| HEXLOWER.encode(tag)).unwrap_or_default(),
        };
        writer.line(&end)?;
        writer.out.flush()?;
        Ok(summary)
    }
}

fn begin_snapshot(connection: &mut AnyConnection) -> Result<(), BackupError> {
    if let AnyConnection::Postgres(connection) = connection {
        sql_query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").execute(connection)?;
    }
    no_time_limit(connection)
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

/// The SQL that turns a column into JSON as Postgres does: bytes as `\x` and hexadecimal, booleans as booleans.
fn as_json(column: &Column) -> String {
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
