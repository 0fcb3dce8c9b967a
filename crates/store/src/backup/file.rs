//! The file format: a header line, a line for each row, and a trailer with the row counts and a MAC.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
};

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use domain::{digest::Digest, pepper::Pepper};
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::backup::error::{BackupError, form};

pub(super) const FORMAT: u32 = 1;
/// Purpose of the MAC's key.
const PURPOSE: &str = "backup";

/// The header line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub(super) wmda_auth_backup: u32,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The newest migration of the database's schema.
    pub schema: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RowLine {
    pub(super) table: String,
    pub(super) row: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct End {
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) mac: String,
}

/// The contents of a backup.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its header.
    pub header: Header,
    /// Rows by table.
    pub counts: BTreeMap<String, u64>,
}

/// Writes lines, and hashes them for the MAC.
pub(super) struct Writer<'a> {
    pub(super) out: &'a mut (dyn Write + Send),
    pub(super) hash: digest::Context,
}

impl Writer<'_> {
    pub(super) fn line(&mut self, line: &impl Serialize) -> Result<(), BackupError> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::from)?;
        text.push(b'\n');
        self.hash.update(&text);
        Ok(self.out.write_all(&text)?)
    }
}

pub(super) fn mac(pepper: &Pepper, hash: digest::Context) -> Vec<Digest> {
    pepper.tags(PURPOSE, hash.finish().as_ref())
}

/// Reads a whole backup and verifies that it is complete and its MAC made under one of this pepper's versions.
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
    let genuine = mac(pepper, hash)
        .iter()
        .any(|tag| HEXLOWER.encode(tag) == end.mac);
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
