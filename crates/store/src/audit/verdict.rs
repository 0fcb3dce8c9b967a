//! Whether the trail is what was recorded: its chain, its end, and what the journal knows.

use domain::{
    audit::{AuditKey, End, Entry},
    pepper::Pepper,
};

use crate::{
    Store, StoreError,
    audit::{
        chain::{Fault, chunk, end_at, step},
        head::{self, Head},
    },
};

/// What a check of the whole trail found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditVerdict {
    /// Each event is linked to the one before, and the end is the sealed one.
    Whole {
        /// How many there are.
        events: i64,
        /// How many of them are under the seal: an older version that runs beside appends without one.
        sealed: i64,
    },
    /// At this sequence number something was changed, left out or added.
    Broken(i64),
    /// At this sequence number it is not what was sealed: its end was cut off there or before, or its head was changed.
    Cut(i64),
    /// The chain of this many events holds, but nothing says that there were not more.
    Unsealed(i64),
    /// It ends at the first number; the journal knows that it went on to the second.
    Shortened(i64, i64),
    /// The pepper lacks the version that this event was linked, or sealed, under.
    UnknownKey(i64),
}

impl Store {
    /// Follows the chain from its first link to its sealed end, and asks the journal whether it went further.
    pub async fn verify_audit(&self, pepper: &Pepper) -> Result<AuditVerdict, StoreError> {
        // Asked first: what is appended meanwhile is in both.
        let known = self.journaled_sequence()?;
        Ok(match self.verify_chain(&pepper.current_audit_key()).await? {
            AuditVerdict::Whole { events, .. } if events < known => AuditVerdict::Shortened(events, known),
            verdict => verdict,
        })
    }

    /// Seals the end of a trail that has no seal and whose chain holds, and records that; any other is left as it is. What was
    /// found before.
    pub async fn seal_audit(&self, entry: Entry) -> Result<AuditVerdict, StoreError> {
        let verdict = self.verify_chain(&entry.key).await?;
        if let AuditVerdict::Unsealed(events) = verdict {
            let key = entry.key.clone();
            // The record is appended under the seal: what came meanwhile is followed up to it.
            self.audited(entry, move |connection| {
                let end = end_at(connection, events)?.ok_or(StoreError::Conflict)?;
                match head::seal_first(connection, &end, &key)? {
                    0 => Err(StoreError::Conflict),
                    _ => Ok(()),
                }
            })
            .await?;
        }
        Ok(verdict)
    }

    async fn verify_chain(&self, key: &AuditKey) -> Result<AuditVerdict, StoreError> {
        // Read first: what is appended meanwhile lies beyond it.
        let head = self.run(head::load).await?;
        let mut end = End::EMPTY;
        if let Some(verdict) = contradiction(&head, &end, key) {
            return Ok(verdict);
        }
        loop {
            let rows = self.run(move |connection| chunk(connection, end.events)).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                end = match step(&end, row, key) {
                    Ok(next) => next,
                    Err(Fault::Broken) => return Ok(AuditVerdict::Broken(end.events + 1)),
                    Err(Fault::UnknownKey) => return Ok(AuditVerdict::UnknownKey(end.events + 1)),
                };
                if let Some(verdict) = contradiction(&head, &end, key) {
                    return Ok(verdict);
                }
            }
        }
        let now = self.run(head::load).await?;
        Ok(judged(&head, &now, &end))
    }
}

/// Where the head speaks of an end, it must be this one.
fn contradiction(head: &Head, end: &End, key: &AuditKey) -> Option<AuditVerdict> {
    if head.end.events == end.events && head.end != *end {
        return Some(AuditVerdict::Cut(end.events));
    }
    let seal = head.seal.as_ref().filter(|seal| seal.events == end.events)?;
    match seal.is_of(end, key) {
        Some(true) => None,
        Some(false) => Some(AuditVerdict::Cut(end.events)),
        None => Some(AuditVerdict::UnknownKey(end.events)),
    }
}

/// The chain holds up to its last row. Before it was followed the head was this one, and now it is that one.
fn judged(head: &Head, now: &Head, end: &End) -> AuditVerdict {
    let events = end.events;
    let passed = 0..=events;
    // Events that the head does not know, though it is moved together with each, were put there beside it.
    if !passed.contains(&head.end.events) || now.end.events < events {
        return AuditVerdict::Cut(events);
    }
    match head.seal.as_ref().map(|seal| seal.events) {
        None => AuditVerdict::Unsealed(events),
        Some(sealed) if !passed.contains(&sealed) => AuditVerdict::Cut(events),
        Some(sealed) => AuditVerdict::Whole {
            events,
            // What was appended meanwhile took the seal along.
            sealed: if sealed == head.end.events { events } else { sealed },
        },
    }
}
