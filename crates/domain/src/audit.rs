//! The audit trail: what is recorded of a change, a sign-in or a denial, and the keyed hash that chains the records.

use std::{fmt, net::IpAddr, sync::Arc};

use chrono::{DateTime, Utc};
use ring::hmac;

use crate::pepper::{Digest, finish};

/// What the key of ends is derived for.
const END: &[u8] = b"wmda-auth audit end";

/// Where a request came from, as far as trusted proxies tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source(pub IpAddr);

/// Why a request failed, for its line in the log: an extension of the answer. A line of its own would escape the limit that
/// the source has for lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureCause(pub String);

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

/// Where a trail ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// How many events there are, which is the last one's sequence number: they count from 1 and none is ever left out.
    pub events: i64,
    /// The link of the last one.
    pub link: Digest,
}

impl End {
    /// Of a trail without events.
    pub const EMPTY: Self = Self {
        events: 0,
        link: [0; 32],
    };

    /// After one more event.
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

/// The keys of the chain and of its end, derived from one version of the pepper.
pub struct AuditKey {
    /// The version of the pepper.
    pub version: i32,
    pub(crate) key: hmac::Key,
    /// Those of the other versions, where they are known: what was appended and sealed before is judged with them.
    pub(crate) others: Vec<AuditKey>,
}

impl AuditKey {
    /// The one of this version, itself or another.
    pub fn under(&self, version: i32) -> Option<&Self> {
        let mut all = std::iter::once(self).chain(&self.others);
        all.find(|key| key.version == version)
    }

    /// HMAC-SHA-256 over an end, under a key of its own: a link, which every row of the trail shows, seals nothing.
    pub fn seal(&self, end: &End) -> Digest {
        finish(hmac::sign(&self.end_key(), &end.bytes()))
    }

    /// Whether this seal was made of this end.
    pub fn has_sealed(&self, end: &End, seal: &[u8]) -> bool {
        hmac::verify(&self.end_key(), &end.bytes(), seal).is_ok()
    }

    fn end_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&self.key, END).as_ref())
    }

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
