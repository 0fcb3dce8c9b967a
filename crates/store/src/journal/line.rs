//! A line of the journal: an audit event, and the database's counters at that time.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::{OptionalExtension, prelude::*};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    StoreError,
    database::{
        connection::AnyConnection,
        schema::{audit_events, audit_head, change_counter, client_secrets},
    },
};

/// Suffixes of the actions that a replay repeats.
pub(super) const DELETE: &str = ".delete";
pub(super) const SUSPEND: &str = ".suspend";
pub(super) const RESUME: &str = ".resume";

/// The database's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counters {
    /// The last sequence number of the audit trail.
    pub(super) sequence: i64,
    /// The version counter.
    pub(super) version: i64,
    /// The first unused status index.
    pub(super) next_index: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) at: DateTime<Utc>,
    #[serde(flatten)]
    pub(super) counters: Counters,
    /// The action of the audit event; a replay adds the line `journal.replay`.
    pub(super) action: String,
    pub(super) object: String,
    /// For a suspension, its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_events)]
struct EventRow {
    at: NaiveDateTime,
    action: String,
    object: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = change_counter)]
struct CounterRow {
    version: i64,
    next_status_index: i64,
}

impl Line {
    /// A line for each audit event since `before`, as one change may have several. Events of concurrent transactions
    /// may be repeated, which does no harm.
    pub(super) fn since(connection: &mut AnyConnection, before: Counters) -> Result<Vec<Self>, StoreError> {
        let counters = counters(connection)?;
        let events = audit_events::table
            .filter(audit_events::sequence.gt(before.sequence))
            .order(audit_events::sequence)
            .select(EventRow::as_select())
            .load(connection)?;
        let line = |event: EventRow| {
            Ok(Self {
                at: event.at.and_utc(),
                counters,
                until: suspension(connection, &event)?,
                action: event.action,
                object: event.object,
            })
        };
        events.into_iter().map(line).collect()
    }

    /// The credential of an event with this action; its object is `application/<id>/<kind>/<id>`.
    pub(super) fn credential(&self, action: &str) -> Option<Uuid> {
        credential(&self.action, &self.object, action)
    }
}

fn credential(own: &str, object: &str, action: &str) -> Option<Uuid> {
    let parts: Vec<&str> = object.split('/').collect();
    match (own.strip_suffix(action), &parts[..]) {
        (Some(_), ["application", _, _, id]) => Uuid::try_parse(id).ok(),
        _ => None,
    }
}

/// The end of the suspension that an event records, as the change has just stored it.
fn suspension(connection: &mut AnyConnection, event: &EventRow) -> Result<Option<DateTime<Utc>>, StoreError> {
    let Some(id) = credential(&event.action, &event.object, SUSPEND) else {
        return Ok(None);
    };
    let until: Option<Option<NaiveDateTime>> = client_secrets::table
        .find(id.to_string())
        .select(client_secrets::suspended_until)
        .first(connection)
        .optional()?;
    Ok(until.flatten().map(|until| until.and_utc()))
}

pub(super) fn counters(connection: &mut AnyConnection) -> Result<Counters, StoreError> {
    let counter = change_counter::table
        .select(CounterRow::as_select())
        .first(connection)?;
    let sequence = audit_head::table.select(audit_head::sequence).first(connection)?;
    Ok(Counters {
        sequence,
        version: counter.version,
        next_index: counter.next_status_index,
    })
}
