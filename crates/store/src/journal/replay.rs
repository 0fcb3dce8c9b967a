//! Replays the journal into a database that was restored from an older backup: deletions and suspensions are
//! repeated, and counters raised to where they had been.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, SubsecRound, Utc};
use diesel::{Connection, prelude::*};
use domain::{
    audit::{AuditKey, Entry, Event, Outcome},
    audit_action::AuditAction,
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    audit::trail,
    clients::changes,
    database::{
        connection::AnyConnection,
        schema::{change_counter, client_secrets},
    },
    journal::line::{Counters, DELETE, Line, RESUME, SUSPEND, counters},
    store::aside,
};

/// The actor in the audit trail.
const ACTOR: &str = "journal";
/// Secrets per query.
const CHUNK: usize = 500;

const REPLAY: AuditAction = AuditAction::JournalReplay;

/// The combined state of all journal lines.
struct Known {
    counters: Counters,
    /// The last audit sequence number since the last replay.
    sequence: i64,
    deleted: BTreeMap<Uuid, DateTime<Utc>>,
    /// The end of each suspension that was not taken back.
    suspended: BTreeMap<Uuid, DateTime<Utc>>,
    lines: Vec<Line>,
}

impl Known {
    fn of(lines: Vec<Line>) -> Self {
        let mut known = Self {
            counters: Counters::default(),
            sequence: 0,
            deleted: BTreeMap::new(),
            suspended: BTreeMap::new(),
            lines: Vec::new(),
        };
        for line in &lines {
            known.counters.version = known.counters.version.max(line.counters.version);
            known.counters.next_index = known.counters.next_index.max(line.counters.next_index);
            known.sequence = match line.action.as_str() {
                action if action == REPLAY.as_str() => line.counters.sequence,
                _ => known.sequence.max(line.counters.sequence),
            };
            if let Some(id) = line.credential(DELETE) {
                known.deleted.entry(id).or_insert(line.at);
            }
            if let (Some(id), Some(until)) = (line.credential(SUSPEND), line.until) {
                known.suspended.insert(id, until);
            }
            if let Some(id) = line.credential(RESUME) {
                known.suspended.remove(&id);
            }
        }
        known.lines = lines;
        known
    }
}

/// The result of a replay.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// Credentials deleted again.
    pub deleted: Vec<Uuid>,
    /// Credentials suspended again, and until when.
    pub suspended: Vec<(Uuid, DateTime<Utc>)>,
    /// The next status index, if it was raised.
    pub next_index: Option<i64>,
    /// Where the audit trail ends, and where it had ended before.
    pub cut: Option<(i64, i64)>,
    /// Changes that are lost and can't be replayed: action and object.
    pub lost: Vec<String>,
}

impl Replayed {
    fn is_nothing(&self) -> bool {
        self.deleted.is_empty()
            && self.suspended.is_empty()
            && self.next_index.is_none()
            && self.cut.is_none()
    }
}

impl Store {
    /// The last audit sequence number in the journal; 0 without a journal.
    pub fn journaled_sequence(&self) -> Result<i64, StoreError> {
        let lines = self.journal.as_ref().map(|journal| journal.lines()).transpose()?;
        Ok(lines.map_or(0, |lines| Known::of(lines).sequence))
    }

    /// Replays the journal if the database is older; for start-up, before the first token. Blocks.
    pub fn replay_journal(
        &self,
        key: Arc<AuditKey>,
        now: DateTime<Utc>,
    ) -> Result<Option<Replayed>, StoreError> {
        let Some(journal) = &self.journal else {
            return Ok(None);
        };
        let known = Known::of(journal.lines()?);
        let replay_where_needed = |connection: &mut AnyConnection| {
            if forgotten(connection, &known, now)?.is_nothing() {
                return Ok(None);
            }
            let (replayed, counters) =
                connection.transaction(|connection| replay(connection, &known, &key, now))?;
            journal.append(&[Line {
                at: now,
                counters,
                action: REPLAY.to_string(),
                object: "-".to_owned(),
                until: None,
            }])?;
            Ok(Some(replayed))
        };
        aside(|| self.with_connection(replay_where_needed))
    }
}

fn forgotten(
    connection: &mut AnyConnection,
    known: &Known,
    now: DateTime<Utc>,
) -> Result<Replayed, StoreError> {
    let own = counters(connection)?;
    let ids: Vec<String> = known.deleted.keys().map(Uuid::to_string).collect();
    let mut deleted = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let alive: Vec<String> = client_secrets::table
            .filter(client_secrets::id.eq_any(chunk))
            .filter(client_secrets::deleted_at.is_null())
            .select(client_secrets::id)
            .load(connection)?;
        deleted.extend(alive.iter().filter_map(|id| Uuid::try_parse(id).ok()));
    }
    let missing = known.lines.iter().filter(|line| {
        let of_now = known.sequence > own.sequence && line.counters.sequence > own.sequence;
        of_now && line.action != REPLAY.as_str() && line.credential(DELETE).is_none() && line.until.is_none()
    });
    Ok(Replayed {
        deleted,
        suspended: suspended(connection, known, now)?,
        next_index: (own.next_index < known.counters.next_index).then_some(known.counters.next_index),
        cut: (own.sequence < known.sequence).then_some((own.sequence, known.sequence)),
        lost: missing
            .map(|line| format!("{} {}", line.action, line.object))
            .collect(),
    })
}

/// Credentials whose suspension in the database is missing or ends earlier than in the journal.
fn suspended(
    connection: &mut AnyConnection,
    known: &Known,
    now: DateTime<Utc>,
) -> Result<Vec<(Uuid, DateTime<Utc>)>, StoreError> {
    let mut found = Vec::new();
    let lasting = known
        .suspended
        .iter()
        .filter(|(id, until)| **until > now && !known.deleted.contains_key(id));
    for (id, until) in lasting {
        let shorter = client_secrets::table
            .find(id.to_string())
            .filter(client_secrets::deleted_at.is_null())
            .filter(
                client_secrets::suspended_until
                    .is_null()
                    .or(client_secrets::suspended_until.lt(until.naive_utc())),
            );
        if shorter.count().get_result::<i64>(connection)? > 0 {
            found.push((*id, *until));
        }
    }
    Ok(found)
}

fn replay(
    connection: &mut AnyConnection,
    known: &Known,
    key: &Arc<AuditKey>,
    now: DateTime<Utc>,
) -> Result<(Replayed, Counters), StoreError> {
    let lower = change_counter::table.filter(change_counter::version.lt(known.counters.version));
    diesel::update(lower)
        .set(change_counter::version.eq(known.counters.version))
        .execute(connection)?;
    // Evicts every client from caches filled before the restore.
    changes::bump(connection, None)?;
    // Another node may have replayed it meanwhile.
    let replayed = forgotten(connection, known, now)?;
    let lower = change_counter::table.filter(change_counter::next_status_index.lt(known.counters.next_index));
    diesel::update(lower)
        .set(change_counter::next_status_index.eq(known.counters.next_index))
        .execute(connection)?;
    for id in &replayed.deleted {
        let at = known.deleted.get(id).copied().unwrap_or(now);
        diesel::update(client_secrets::table.find(id.to_string()))
            .set(client_secrets::deleted_at.eq(Some(at.naive_utc())))
            .execute(connection)?;
        record(
            connection,
            (AuditAction::SecretDelete, format!("secret/{id}")),
            key,
            now,
        )?;
    }
    for (id, until) in &replayed.suspended {
        diesel::update(client_secrets::table.find(id.to_string()))
            .set(client_secrets::suspended_until.eq(Some(until.naive_utc())))
            .execute(connection)?;
        record(
            connection,
            (AuditAction::SecretSuspend, format!("secret/{id}")),
            key,
            now,
        )?;
    }
    if let Some((ends, ended)) = replayed.cut {
        record(connection, (REPLAY, format!("events/{ends}-{ended}")), key, now)?;
    }
    Ok((replayed, counters(connection)?))
}

fn record(
    connection: &mut AnyConnection,
    (action, object): (AuditAction, String),
    key: &Arc<AuditKey>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let event = Event {
        at: now.trunc_subsecs(3),
        actor: ACTOR.to_owned(),
        action: action.to_string(),
        object,
        source: ACTOR.to_owned(),
        outcome: Outcome::Done.to_string(),
    };
    let key = Arc::clone(key);
    trail::append(connection, &Entry { event, key })
}
