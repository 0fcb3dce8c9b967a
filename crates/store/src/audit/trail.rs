//! The audit trail: events are appended in the transaction of the change that they record, and never changed.

use diesel::{BoxableExpression, Connection, prelude::*, sql_types::Bool};
use domain::audit::{Entry, Event};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    audit::{
        chain::{Row, chunk, numbered},
        head,
    },
    database::{connection::AnyConnection, folding::folded, schema::audit_events},
};

type Condition =
    Box<dyn BoxableExpression<audit_events::table, <AnyConnection as Connection>::Backend, SqlType = Bool>>;

/// Events whose object is one of `ids` or below it. Objects are paths such as `application/<id>/secret/<id>`.
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

/// Filter of audit events; `None` matches any.
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
    /// Only events on one of these objects, or on one below them.
    pub among: Option<Vec<Uuid>>,
    /// Or by an actor whose name matches this `LIKE` pattern; only together with `among`.
    pub or_actor: Option<String>,
}

impl Store {
    /// Appends an event without a change: a denial, a failed sign-in.
    pub async fn record(&self, entry: Entry) -> Result<(), StoreError> {
        self.audited(entry, |_| Ok(())).await
    }

    /// Makes a change that does not concern the token path, with its audit event, in one transaction.
    pub(crate) async fn audited<T: Send + 'static>(
        &self,
        entry: Entry,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let journal = self.journal.clone();
        self.write(move |connection| Self::journaled(journal.as_deref(), connection, &entry, body))
            .await
    }

    /// Events before a sequence number, newest first.
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
            let rows = events
                .order(audit_events::sequence.desc())
                .limit(limit)
                .select(Row::as_select())
                .load(connection)?;
            Ok(rows.into_iter().map(numbered).collect())
        })
        .await
    }

    /// Events after a sequence number, oldest first; for the export.
    pub async fn audit_events_after(&self, after: i64) -> Result<Vec<(i64, Event)>, StoreError> {
        self.run(move |connection| {
            let rows = chunk(connection, after)?;
            Ok(rows.into_iter().map(numbered).collect())
        })
        .await
    }
}

/// Links an event to the end of the chain and moves the seal. Taken last, the head's row lock serialises concurrent
/// appends.
pub(crate) fn append(connection: &mut AnyConnection, entry: &Entry) -> Result<(), StoreError> {
    let head = head::lock(connection)?;
    let (key, event) = (&*entry.key, &entry.event);
    let sealed = head.sealed_end(connection, key)?;
    let next = head.end.with(event, key);
    // A seal that does not cover the current end is not moved: a manipulated end must not be sealed by the next
    // event.
    let sealed = sealed.map(|sealed| if sealed == head.end { next } else { sealed });
    head::write(connection, &next, sealed.as_ref(), key)?;
    let row = (
        audit_events::sequence.eq(next.events),
        audit_events::at.eq(event.at.naive_utc()),
        audit_events::actor.eq(&event.actor),
        audit_events::action.eq(&event.action),
        audit_events::object.eq(&event.object),
        audit_events::source.eq(&event.source),
        audit_events::outcome.eq(&event.outcome),
        audit_events::key_version.eq(key.version),
        audit_events::mac.eq(next.link.to_vec()),
    );
    diesel::insert_into(audit_events::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}
