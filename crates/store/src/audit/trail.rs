//! The audit trail: appended to in the transaction of the change that it records, never changed.

use chrono::NaiveDateTime;
use diesel::{BoxableExpression, Connection, prelude::*, sql_types::Bool};
use domain::{
    audit::{Entry, Event},
    pepper::{Digest, Pepper},
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    database::{
        connection::AnyConnection,
        folding::folded,
        schema::{audit_events, audit_head},
    },
};

type Condition =
    Box<dyn BoxableExpression<audit_events::table, <AnyConnection as Connection>::Backend, SqlType = Bool>>;

/// Objects are named by paths such as `application/<id>/secret/<id>`.
fn touches(ids: &[Uuid], actor: Option<String>) -> Condition {
    let mut condition: Condition = match actor {
        Some(like) => Box::new(folded(audit_events::actor).like(like).escape('\\')),
        None => Box::new(audit_events::sequence.lt(0)),
    };
    for id in ids {
        condition = Box::new(condition.or(audit_events::object.like(format!("%{id}%"))));
    }
    condition
}

const CHUNK: i64 = 1_000;

/// Which events a list shows; `None` is any.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Exactly this actor.
    pub actor: Option<String>,
    /// Exactly this action.
    pub action: Option<String>,
    /// Exactly this object.
    pub object: Option<String>,
    /// Exactly this outcome.
    pub outcome: Option<String>,
    /// Only events on one of these, or on something below them.
    pub among: Option<Vec<Uuid>>,
    /// Or by an actor of such a name: a pattern for `LIKE`; only together with `among`.
    pub or_actor: Option<String>,
}

/// What a check of the whole trail found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditVerdict {
    /// This many events, each linked to the one before.
    Whole(i64),
    /// At this sequence number something was changed, left out or added.
    Broken(i64),
    /// It ends at the first number; the journal knows that it went on to the second.
    Shortened(i64, i64),
    /// The pepper lacks the version that this event was linked under.
    UnknownKey(i64),
}

type Row = (
    i64,
    NaiveDateTime,
    String,
    String,
    String,
    String,
    String,
    i32,
    Vec<u8>,
);

impl Store {
    /// Appends a record that stands alone: a denial, a sign-in that failed.
    pub async fn record(&self, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry, |_| Ok(())).await
    }

    /// A change that no token depends on, with its record, in one transaction.
    pub(crate) async fn audited<T: Send + 'static>(
        &self,
        entry: Entry,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let journal = self.journal.clone();
        self.run(move |connection| Self::journaled(journal.as_deref(), connection, &entry, body))
            .await
    }

    /// Events, the newest first, before a sequence number.
    pub async fn audit_events(
        &self,
        filter: AuditFilter,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<(i64, Event)>, StoreError> {
        self.run(move |connection| {
            let mut events = audit_events::table.into_boxed();
            if let Some(before) = before {
                events = events.filter(audit_events::sequence.lt(before));
            }
            if let Some(actor) = filter.actor {
                events = events.filter(audit_events::actor.eq(actor));
            }
            if let Some(action) = filter.action {
                events = events.filter(audit_events::action.eq(action));
            }
            if let Some(object) = filter.object {
                events = events.filter(audit_events::object.eq(object));
            }
            if let Some(outcome) = filter.outcome {
                events = events.filter(audit_events::outcome.eq(outcome));
            }
            if let Some(among) = filter.among {
                events = events.filter(touches(&among, filter.or_actor));
            }
            let rows: Vec<Row> = events
                .order(audit_events::sequence.desc())
                .limit(limit)
                .load(connection)?;
            Ok(rows.into_iter().map(event).collect())
        })
        .await
    }

    /// Events in the order in which they happened, after a sequence number; for the export.
    pub async fn audit_events_after(&self, after: i64) -> Result<Vec<(i64, Event)>, StoreError> {
        self.run(move |connection| {
            let rows = chunk(connection, after)?;
            Ok(rows.into_iter().map(event).collect())
        })
        .await
    }

    /// Follows the chain from its first link to its head, and asks the journal whether it went further.
    pub async fn verify_audit(&self, pepper: &Pepper) -> Result<AuditVerdict, StoreError> {
        // Asked first: what is appended meanwhile is in both.
        let known = self.journaled_sequence()?;
        Ok(match self.verify_chain(pepper).await? {
            AuditVerdict::Whole(events) if events < known => AuditVerdict::Shortened(events, known),
            verdict => verdict,
        })
    }

    async fn verify_chain(&self, pepper: &Pepper) -> Result<AuditVerdict, StoreError> {
        let (mut sequence, mut link): (i64, Digest) = (0, [0; 32]);
        loop {
            let rows = self.run(move |connection| chunk(connection, sequence)).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let (version, mac) = (row.7, row.8.clone());
                let (at, event) = event(row);
                sequence += 1;
                let Some(key) = pepper.audit_key(version) else {
                    return Ok(AuditVerdict::UnknownKey(at));
                };
                link = key.link(&link, sequence, &event);
                if at != sequence || mac != link {
                    return Ok(AuditVerdict::Broken(sequence));
                }
            }
        }
        let (head, mac) = self.run(audit_end).await?;
        match head == sequence && mac == link {
            true => Ok(AuditVerdict::Whole(sequence)),
            // Somebody appended meanwhile, or took events away from the end: the head knows how many there were.
            false if head > sequence && !self.audit_events_after(sequence).await?.is_empty() => {
                Ok(AuditVerdict::Whole(sequence))
            }
            false => Ok(AuditVerdict::Broken(sequence + 1)),
        }
    }
}

/// Links a record to the end of the chain. The head's row lock, taken last, orders those who append.
pub(crate) fn append(connection: &mut AnyConnection, entry: &Entry) -> Result<(), StoreError> {
    diesel::update(audit_head::table)
        .set(audit_head::sequence.eq(audit_head::sequence + 1))
        .execute(connection)?;
    let (sequence, previous) = audit_end(connection)?;
    let previous: Digest = previous
        .try_into()
        .map_err(|_| StoreError::Corrupt("audit link"))?;
    let link = entry.key.link(&previous, sequence, &entry.event).to_vec();
    diesel::update(audit_head::table)
        .set(audit_head::mac.eq(&link))
        .execute(connection)?;
    let event = &entry.event;
    let row = (
        audit_events::sequence.eq(sequence),
        audit_events::at.eq(event.at.naive_utc()),
        audit_events::actor.eq(&event.actor),
        audit_events::action.eq(&event.action),
        audit_events::object.eq(&event.object),
        audit_events::source.eq(&event.source),
        audit_events::outcome.eq(&event.outcome),
        audit_events::key_version.eq(entry.key.version),
        audit_events::mac.eq(&link),
    );
    diesel::insert_into(audit_events::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

fn audit_end(connection: &mut AnyConnection) -> Result<(i64, Vec<u8>), StoreError> {
    Ok(audit_head::table
        .select((audit_head::sequence, audit_head::mac))
        .first(connection)?)
}

fn chunk(connection: &mut AnyConnection, after: i64) -> Result<Vec<Row>, StoreError> {
    Ok(audit_events::table
        .filter(audit_events::sequence.gt(after))
        .order(audit_events::sequence)
        .limit(CHUNK)
        .load(connection)?)
}

fn event((sequence, at, actor, action, object, source, outcome, _, _): Row) -> (i64, Event) {
    let at = at.and_utc();
    let event = Event {
        at,
        actor,
        action,
        object,
        source,
        outcome,
    };
    (sequence, event)
}
