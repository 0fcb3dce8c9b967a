//! The hash chain of the audit trail: its rows in order, and the verification of one link.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use domain::{
    audit::{AuditKey, End, Event},
    digest::Digest,
};

use crate::{
    StoreError,
    database::{connection::AnyConnection, schema::audit_events},
};

/// Rows verified per query.
const CHUNK: i64 = 1_000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_events)]
pub(super) struct Row {
    pub sequence: i64,
    at: NaiveDateTime,
    actor: String,
    action: String,
    object: String,
    source: String,
    outcome: String,
    key_version: i32,
    mac: Vec<u8>,
}

/// The row itself was changed, or one before it was removed or inserted.
pub(super) enum Fault {
    /// The pepper lacks the version whose key links this row.
    Broken,
    /// The pepper lacks the version that it was linked under.
    UnknownKey,
}

/// The first rows after a sequence number.
pub(super) fn chunk(connection: &mut AnyConnection, after: i64) -> Result<Vec<Row>, StoreError> {
    Ok(audit_events::table
        .filter(audit_events::sequence.gt(after))
        .order(audit_events::sequence)
        .limit(CHUNK)
        .select(Row::as_select())
        .load(connection)?)
}

/// The end that the trail had at this number of events, by its then last row; `None` if that row is missing.
pub(super) fn end_at(connection: &mut AnyConnection, events: i64) -> Result<Option<End>, StoreError> {
    if events == End::EMPTY.events {
        return Ok(Some(End::EMPTY));
    }
    let link: Option<Vec<u8>> = audit_events::table
        .find(events)
        .select(audit_events::mac)
        .first(connection)
        .optional()?;
    link.map(|link| {
        Ok(End {
            events,
            link: digest(link)?,
        })
    })
    .transpose()
}

pub(super) fn digest(bytes: Vec<u8>) -> Result<Digest, StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt("audit link"))
}

/// Verifies that this row continues the chain, and returns the new end.
pub(super) fn step(end: &End, row: Row, key: &AuditKey) -> Result<End, Fault> {
    let key = key.under(row.key_version).ok_or(Fault::UnknownKey)?;
    let (sequence, mac) = (row.sequence, row.mac.clone());
    let next = end.with(&event(row), key);
    match sequence == next.events && mac == next.link {
        true => Ok(next),
        false => Err(Fault::Broken),
    }
}

pub(super) fn event(row: Row) -> Event {
    Event {
        at: row.at.and_utc(),
        actor: row.actor,
        action: row.action,
        object: row.object,
        source: row.source,
        outcome: row.outcome,
    }
}

pub(super) fn numbered(row: Row) -> (i64, Event) {
    (row.sequence, event(row))
}
