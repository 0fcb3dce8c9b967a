//! The audit trail: events of changes, sign-ins and denials, and the keyed hash chain over them.

use std::{fmt, net::IpAddr, sync::Arc};

use chrono::{DateTime, Utc};
use ring::hmac;

use crate::digest::{Digest, finish};

/// Purpose of the key that seals the end of the chain.
const END: &[u8] = b"wmda-auth audit end";

/// The source address of a request, as reported by trusted proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(pub IpAddr);

/// Why a request failed, attached to the response for its log line. A separate line would escape the source's rate
/// limit of log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureCause(pub String);

/// The outcome of the action.
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

/// An audit event. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, truncated to milliseconds, so that both databases return what was hashed.
    pub at: DateTime<Utc>,
    /// The actor: a person's e-mail address, or a component of the server.
    pub actor: String,
    /// The action, for instance `secret.create`.
    pub action: String,
    /// The object, for instance `secret/<id>`.
    pub object: String,
    /// The source address.
    pub source: String,
    /// The outcome.
    pub outcome: String,
}

/// The end of the hash chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The number of events, which is the last sequence number: they count from 1 without gaps.
    pub events: i64,
    /// The link (MAC) of the last event.
    pub link: Digest,
}

impl End {
    /// The end of an empty trail.
    pub const EMPTY: Self = Self {
        events: 0,
        link: [0; 32],
    };

    /// The end after one more event.
    pub fn with(&self, event: &Event, key: &AuditKey) -> Self {
        let events = self.events + 1;
        Self {
            events,
            link: key.link(&self.link, events, event),
        }
    }

    fn bytes(&self) -> [u8; 40] {
        let mut bytes = [0; 40];
        bytes[..8].copy_from_slice(&self.events.to_be_bytes());
        bytes[8..].copy_from_slice(&self.link);
        bytes
    }
}

/// The keys of the hash chain and its seal, derived from one pepper version.
pub struct AuditKey {
    /// The pepper version.
    pub version: i32,
    pub(crate) key: hmac::Key,
    /// The keys of other known versions, to verify what they linked and sealed.
    pub(crate) others: Vec<AuditKey>,
}

impl AuditKey {
    /// The key of this version, if known.
    pub fn under(&self, version: i32) -> Option<&Self> {
        let mut all = std::iter::once(self).chain(&self.others);
        all.find(|key| key.version == version)
    }

    /// The seal: HMAC-SHA-256 over an end, under a key of its own, as every row shows a link but never a seal.
    pub fn seal(&self, end: &End) -> Digest {
        finish(hmac::sign(&self.end_key(), &end.bytes()))
    }

    /// Whether this is the seal of this end.
    pub fn has_sealed(&self, end: &End, seal: &[u8]) -> bool {
        hmac::verify(&self.end_key(), &end.bytes(), seal).is_ok()
    }

    fn end_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.key, END).as_ref())
    }

    /// The next link: HMAC-SHA-256 over the previous link, the sequence number and every field, each length-prefixed.
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

/// An audit event to be appended, with the key of the chain.
#[derive(Clone)]
pub struct Entry {
    /// The event.
    pub event: Event,
    /// The key.
    pub key: Arc<AuditKey>,
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;
    use crate::pepper::Pepper;

    #[test]
    fn a_link_depends_on_its_place_and_on_every_field() {
        let pepper = Pepper::parse("1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
        let key = pepper.current_audit_key();
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

    #[test]
    fn an_end_is_sealed_with_its_count_under_a_key_that_outlives_its_version() {
        let line = |version: u8| format!("{version} {}\n", STANDARD.encode([version; 32]));
        let old = Pepper::parse(&line(1)).unwrap().current_audit_key();
        let end = End {
            events: 7,
            link: [9; 32],
        };
        let seal = old.seal(&end);
        assert!(old.has_sealed(&end, &seal) && seal != end.link);
        for other in [End { events: 6, ..end }, End { link: [8; 32], ..end }, End::EMPTY] {
            assert!(!old.has_sealed(&other, &seal), "{other:?}");
        }
        let both = Pepper::parse(&[line(1), line(2)].concat()).unwrap();
        let new = both.current_audit_key();
        assert_eq!(new.version, 2);
        assert!(new.under(1).unwrap().has_sealed(&end, &seal) && !new.has_sealed(&end, &seal));
        assert!(new.under(2).is_some() && new.under(3).is_none());
    }
}
