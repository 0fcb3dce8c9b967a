//! The audit trail: what is recorded of a change, a sign-in or a denial, and the keyed hash that chains the records.

use std::{fmt, net::IpAddr, sync::Arc};

use chrono::{DateTime, Utc};
use ring::hmac;

use crate::pepper::{Digest, finish};

/// Where a request came from, as far as trusted proxies tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(pub IpAddr);

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened.
    Done,
    /// It was refused.
    Denied,
}

impl Outcome {
    /// The stored and displayed form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One record. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in whole milliseconds, so that both databases give back what was hashed.
    pub at: DateTime<Utc>,
    /// Who: a person's e-mail address, or a part of the product.
    pub actor: String,
    /// What, for instance `secret.create`.
    pub action: String,
    /// On which object, for instance `secret/<id>`.
    pub object: String,
    /// From where.
    pub source: String,
    /// How it ended.
    pub outcome: String,
}

/// The key of the chain, derived from one version of the pepper.
pub struct AuditKey {
    /// The version of the pepper.
    pub version: i32,
    pub(crate) key: hmac::Key,
}

impl AuditKey {
    /// HMAC-SHA-256 over the previous link, the sequence number and every field with its length before it.
    pub fn link(&self, previous: &Digest, sequence: i64, event: &Event) -> Digest {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(previous);
        context.update(&sequence.to_be_bytes());
        context.update(&event.at.timestamp_millis().to_be_bytes());
        let fields = [
            &event.actor,
            &event.action,
            &event.object,
            &event.source,
            &event.outcome,
        ];
        for field in fields {
            context.update(&(field.len() as u64).to_be_bytes());
            context.update(field.as_bytes());
        }
        finish(context.sign())
    }
}

/// A record that is about to be appended, with the key that chains it.
#[derive(Clone)]
pub struct Entry {
    /// The record.
    pub event: Event,
    /// The key.
    pub key: Arc<AuditKey>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pepper::Pepper;

    #[test]
    fn a_link_depends_on_its_place_and_on_every_field() {
        let pepper = Pepper::parse("1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
        let key = pepper.audit_key(1).unwrap();
        let text = |text: &str| text.to_owned();
        let event = Event {
            at: DateTime::UNIX_EPOCH,
            actor: text("ab"),
            action: text("c"),
            object: text("d"),
            source: text("e"),
            outcome: text("f"),
        };
        let link = key.link(&[0; 32], 1, &event);
        assert_eq!(link, key.link(&[0; 32], 1, &event));
        assert_ne!(link, key.link(&[1; 32], 1, &event));
        assert_ne!(link, key.link(&[0; 32], 2, &event));
        let moved = Event {
            actor: text("a"),
            action: text("bc"),
            ..event
        };
        assert_ne!(link, key.link(&[0; 32], 1, &moved));
    }
}
