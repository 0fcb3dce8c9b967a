//! Verification of the audit trail: its hash chain, its head, and what the journal knows.

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

/// The result of verifying the whole trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditVerdict {
    /// Intact: every event is linked to the one before, and the end is sealed.
    Whole {
        /// How many events there are.
        events: i64,
        /// How many of them the seal covers: an older version running alongside appends without one.
        sealed: i64,
    },
    /// Broken: at this sequence number an event was changed, removed or inserted.
    Broken(i64),
    /// Truncated or manipulated: the trail or its head at this sequence number is not what was sealed.
    Cut(i64),
    /// The chain of this many events is intact, but without a seal truncation can't be ruled out.
    Unsealed(i64),
    /// Shortened: it ends at the first number, while the journal knows events up to the second.
    Shortened(i64, i64),
    /// The pepper lacks the version whose key linked, or sealed, this event.
    UnknownKey(i64),
}

impl Store {
    /// Verifies the chain from its first link to its sealed end, and compares it with the journal.
    pub async fn verify_audit(&self, pepper: &Pepper) -> Result<AuditVerdict, StoreError> {
        // Read first: events appended meanwhile are in both.
        let known = self.journaled_sequence()?;
        Ok(match self.verify_chain(&pepper.current_audit_key()).await? {
            AuditVerdict::Whole { events, .. } if events < known => AuditVerdict::Shortened(events, known),
            verdict => verdict,
        })
    }

    /// Seals the end of an unsealed trail whose chain is intact, and audits that; any other trail is left alone.
    /// Returns the verdict before sealing.
    pub async fn seal_audit(&self, entry: Entry) -> Result<AuditVerdict, StoreError> {
        let verdict = self.verify_chain(&entry.key).await?;
        if let AuditVerdict::Unsealed(events) = verdict {
            let key = entry.key.clone();
            // The event is appended under the seal; events appended meanwhile are verified up to it.
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
        // Read first: events appended meanwhile lie beyond it.
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

/// The verdict if head or seal contradict the chain at this end.
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

/// The verdict on a chain that is intact up to its last row, from the head before and after the verification.
fn judged(head: &Head, now: &Head, end: &End) -> AuditVerdict {
    let events = end.events;
    let passed = 0..=events;
    // The head moves together with each event, so events beyond it were inserted around it.
    if !passed.contains(&head.end.events) || now.end.events < events {
        return AuditVerdict::Cut(events);
    }
    match head.seal.as_ref().map(|seal| seal.events) {
        None => AuditVerdict::Unsealed(events),
        Some(sealed) if !passed.contains(&sealed) => AuditVerdict::Cut(events),
        Some(sealed) => AuditVerdict::Whole {
            events,
            // Events appended meanwhile moved the seal along.
            sealed: if sealed == head.end.events { events } else { sealed },
        },
    }
}
