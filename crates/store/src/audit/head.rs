//! The head of the audit trail: a row that holds the end of the chain, and a seal (a MAC) over it. The chain's links
//! can be read from any row; the seal has a key of its own and is stored nowhere else, so truncating the trail leaves
//! no seal that fits.

use diesel::prelude::*;
use domain::audit::{AuditKey, End};

use crate::{
    StoreError,
    audit::chain::{chunk, digest, end_at, step},
    database::{
        connection::AnyConnection,
        schema::{applications, audit_events, audit_head, organisations, users},
    },
};

pub(super) struct Head {
    pub end: End,
    pub seal: Option<Seal>,
}

/// The number of events that the seal covers, and the pepper version whose key made it.
pub(super) struct Seal {
    pub events: i64,
    key_version: i32,
    mac: Vec<u8>,
}

impl Seal {
    /// Whether the seal verifies for this end; `None` if its pepper version is unknown.
    pub fn is_of(&self, end: &End, key: &AuditKey) -> Option<bool> {
        let key = key.under(self.key_version)?;
        Some(key.has_sealed(end, &self.mac))
    }
}

impl Head {
    /// The end up to which the trail is sealed. Older versions append without a seal: their events are verified from
    /// there, one chunk at most. `None` if there is no seal, or it does not verify.
    pub fn sealed_end(
        &self,
        connection: &mut AnyConnection,
        key: &AuditKey,
    ) -> Result<Option<End>, StoreError> {
        let Some(seal) = &self.seal else {
            return Ok(None);
        };
        let reached = match seal.events == self.end.events {
            true => Some(self.end),
            false => end_at(connection, seal.events)?,
        };
        let Some(mut end) = reached.filter(|end| seal.is_of(end, key) == Some(true)) else {
            return Ok(None);
        };
        if end != self.end {
            let rows = chunk(connection, end.events)?.into_iter();
            // Events appended concurrently lie beyond.
            for row in rows.take_while(|row| row.sequence <= self.end.events) {
                let Ok(next) = step(&end, row, key) else {
                    return Ok(None);
                };
                end = next;
            }
        }
        let is_beside = end.events >= self.end.events && end != self.end;
        Ok((!is_beside).then_some(end))
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_head)]
struct Row {
    sequence: i64,
    mac: Vec<u8>,
    sealed_sequence: Option<i64>,
    seal_key_version: Option<i32>,
    seal: Option<Vec<u8>>,
}

pub(super) fn load(connection: &mut AnyConnection) -> Result<Head, StoreError> {
    let row = audit_head::table.select(Row::as_select()).first(connection)?;
    let link = digest(row.mac)?;
    let seal =
        row.sealed_sequence
            .zip(row.seal_key_version)
            .zip(row.seal)
            .map(|((events, key_version), mac)| Seal {
                events,
                key_version,
                mac,
            });
    Ok(Head {
        end: End {
            events: row.sequence,
            link,
        },
        seal,
    })
}

/// Loads the head and locks its row until the end of the transaction.
pub(super) fn lock(connection: &mut AnyConnection) -> Result<Head, StoreError> {
    diesel::update(audit_head::table)
        .set(audit_head::sequence.eq(audit_head::sequence))
        .execute(connection)?;
    load(connection)
}

/// Stores a new end, and a new seal if given.
pub(super) fn write(
    connection: &mut AnyConnection,
    end: &End,
    sealed: Option<&End>,
    key: &AuditKey,
) -> Result<(), StoreError> {
    let moved = (
        audit_head::sequence.eq(end.events),
        audit_head::mac.eq(end.link.to_vec()),
    );
    diesel::update(audit_head::table)
        .set((moved, sealed.map(|sealed| seal(sealed, key))))
        .execute(connection)?;
    Ok(())
}

/// Seals an end that has no seal; returns the number of rows changed, 0 or 1.
pub(super) fn seal_first(
    connection: &mut AnyConnection,
    end: &End,
    key: &AuditKey,
) -> Result<usize, StoreError> {
    let unsealed = audit_head::table.filter(audit_head::seal.is_null());
    Ok(
        diesel::update(unsealed.filter(audit_head::sequence.ge(end.events)))
            .set(seal(end, key))
            .execute(connection)?,
    )
}

type Sealing = (
    diesel::dsl::Eq<audit_head::sealed_sequence, Option<i64>>,
    diesel::dsl::Eq<audit_head::seal_key_version, Option<i32>>,
    diesel::dsl::Eq<audit_head::seal, Option<Vec<u8>>>,
);

fn seal(end: &End, key: &AuditKey) -> Sealing {
    (
        audit_head::sealed_sequence.eq(Some(end.events)),
        audit_head::seal_key_version.eq(Some(key.version)),
        audit_head::seal.eq(Some(key.seal(end).to_vec())),
    )
}

/// Seals the empty trail of a new database. Any other trail without a seal lost it, or comes from a version without
/// seals: an administrator must decide.
pub(crate) fn begin(connection: &mut AnyConnection, key: &AuditKey) -> Result<(), StoreError> {
    let head = load(connection)?;
    if head.seal.is_some() || head.end != End::EMPTY || !is_new(connection)? {
        return Ok(());
    }
    seal_first(connection, &End::EMPTY, key).map(drop)
}

fn is_new(connection: &mut AnyConnection) -> Result<bool, StoreError> {
    let rows: [i64; 4] = [
        audit_events::table.count().get_result(connection)?,
        users::table.count().get_result(connection)?,
        organisations::table.count().get_result(connection)?,
        applications::table.count().get_result(connection)?,
    ];
    Ok(rows.iter().sum::<i64>() == 0)
}
