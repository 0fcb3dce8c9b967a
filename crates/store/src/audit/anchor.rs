//! Anchors of the audit trail: copies of its head at an instant, stored outside the database. They alone detect a
//! rollback to an earlier head together with its seal.

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use diesel::prelude::*;
use domain::audit::AuditKey;
use serde::{Deserialize, Serialize};

use crate::{
    Store, StoreError,
    audit::{chain::end_at, head},
    database::schema::audit_events,
};

/// Anchors per query.
const CHUNK: usize = 500;
/// Events counted per query, so that each stays short.
const COUNTED: i64 = 100_000;

/// The head of the audit trail at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// When.
    pub at: DateTime<Utc>,
    /// How many events the trail had.
    pub events: i64,
    /// The MAC of the last event, in hexadecimal digits.
    pub head: String,
}

impl Store {
    /// The current head, and whether it is intact: completely sealed, and its last event present.
    pub async fn audit_anchor(
        &self,
        key: AuditKey,
        now: DateTime<Utc>,
    ) -> Result<(Anchor, bool), StoreError> {
        self.run(move |connection| {
            let head = head::load(connection)?;
            let anchor = Anchor {
                at: now,
                events: head.end.events,
                head: HEXLOWER.encode(&head.end.link),
            };
            let is_sealed = head.sealed_end(connection, &key)?.is_some();
            let is_there = end_at(connection, head.end.events)? == Some(head.end);
            Ok((anchor, is_sealed && is_there))
        })
        .await
    }

    /// How many events with sequence numbers up to `first` are present.
    pub async fn count_audit_events(&self, first: i64) -> Result<i64, StoreError> {
        let (mut found, mut after) = (0, 0);
        while after < first {
            let last = first.min(after + COUNTED);
            let these = audit_events::sequence.between(after + 1, last);
            found += self
                .run(move |connection| {
                    let rows = audit_events::table.filter(these).count();
                    Ok(rows.get_result::<i64>(connection)?)
                })
                .await?;
            after = last;
        }
        Ok(found)
    }

    /// The first anchor that the trail contradicts. The hash chain itself is checked by [`Store::verify_audit`].
    pub async fn contradicting_anchor(&self, anchors: Vec<Anchor>) -> Result<Option<Anchor>, StoreError> {
        for chunk in anchors.chunks(CHUNK) {
            let counts: Vec<i64> = chunk.iter().map(|anchor| anchor.events).collect();
            let found: Vec<(i64, Vec<u8>)> = self
                .run(move |connection| {
                    Ok(audit_events::table
                        .filter(audit_events::sequence.eq_any(counts))
                        .select((audit_events::sequence, audit_events::mac))
                        .load(connection)?)
                })
                .await?;
            let is_in = |anchor: &&Anchor| {
                let is_it = |(sequence, link): &(i64, Vec<u8>)| {
                    *sequence == anchor.events && HEXLOWER.encode(link) == anchor.head
                };
                anchor.events == 0 || found.iter().any(is_it)
            };
            if let Some(anchor) = chunk.iter().find(|anchor| !is_in(anchor)) {
                return Ok(Some(anchor.clone()));
            }
        }
        Ok(None)
    }
}
