//! Credentials: what an application proves itself by. A secret, a key or a federated identity; all have a name, an expiry,
//! a place in the token status list and a last use.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{client_key::ClientKey, federation::FederatedIdentity, pepper::Digest};

/// What kind of proof a credential asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// A value that both sides know.
    Secret,
    /// The private half of a key (RFC 7523).
    Key,
    /// A JWT that somebody else signed about the client.
    Federated,
}

impl CredentialKind {
    /// The stored form, and the word in the audit trail.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Key => "key",
            Self::Federated => "federated",
        }
    }

    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Secret, Self::Key, Self::Federated];

    /// By its stored form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What a refusal for the expiry of such a credential is called, in the record of refusals too.
    pub fn cause_of_expiry(self) -> &'static str {
        match self {
            Self::Secret => "expired",
            Self::Key | Self::Federated => "key_expired",
        }
    }
}

/// What is public of a credential: people may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicPart {
    /// Nothing of a secret but its hint.
    Secret,
    /// The key.
    Key(Arc<ClientKey>),
    /// Issuer, subject, audience.
    Federated(Arc<FederatedIdentity>),
}

impl PublicPart {
    /// Reads the stored form; `None` when this version does not know it.
    pub fn parse(kind: &str, material: Option<&str>) -> Option<Self> {
        Some(match CredentialKind::parse(kind)? {
            CredentialKind::Secret => Self::Secret,
            CredentialKind::Key => Self::Key(Arc::new(ClientKey::parse(material?)?)),
            CredentialKind::Federated => Self::Federated(Arc::new(FederatedIdentity::parse(material?)?)),
        })
    }

    /// Its kind.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::Secret => CredentialKind::Secret,
            Self::Key(_) => CredentialKind::Key,
            Self::Federated(_) => CredentialKind::Federated,
        }
    }

    /// Whether an assertion could mean either of the two.
    pub fn clashes_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key(one), Self::Key(other)) => match (&**one, &**other) {
                (ClientKey::Registered(one), ClientKey::Registered(other)) => {
                    one.kid == other.kid || one.public == other.public
                }
                (one, other) => one == other,
            },
            (Self::Federated(one), Self::Federated(other)) => {
                let of = |it: &FederatedIdentity| [&it.issuer, &it.subject, &it.audience].map(Clone::clone);
                of(one) == of(other)
            }
            _ => false,
        }
    }

    /// The stored form.
    pub fn material(&self) -> Option<String> {
        match self {
            Self::Secret => None,
            Self::Key(key) => Some(key.material()),
            Self::Federated(identity) => Some(identity.material()),
        }
    }
}

/// How a credential is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By a value whose stored form is this.
    Secret(Digest),
    /// By a signature under this key, parsed once and kept.
    Key(Arc<ClientKey>),
    /// By a JWT of this issuer about this subject.
    Federated(Arc<FederatedIdentity>),
}

impl Proof {
    /// Reads the stored form; `None` when this version does not know it: such a credential proves nothing here.
    pub fn parse(kind: &str, digest: Digest, material: Option<&str>) -> Option<Self> {
        Some(match PublicPart::parse(kind, material)? {
            PublicPart::Secret => Self::Secret(digest),
            PublicPart::Key(key) => Self::Key(key),
            PublicPart::Federated(identity) => Self::Federated(identity),
        })
    }

    /// Its kind.
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::Secret(_) => CredentialKind::Secret,
            Self::Key(_) => CredentialKind::Key,
            Self::Federated(_) => CredentialKind::Federated,
        }
    }

    /// Whether it is a secret with one of these stored forms. Digests are keyed, so the time that a comparison takes tells
    /// nothing that can be steered. What is no secret never matches, whatever stands in its column.
    pub fn is_secret_of(&self, presented: &[Digest]) -> bool {
        match self {
            Self::Secret(digest) => presented.iter().any(|one| same(one, digest)),
            Self::Key(_) | Self::Federated(_) => false,
        }
    }
}

fn same(left: &Digest, right: &Digest) -> bool {
    left.iter()
        .zip(right)
        .fold(0, |difference, (l, r)| difference | (l ^ r))
        == 0
}

/// One credential of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Permanent identifier.
    pub id: Uuid,
    /// How it is proved.
    pub proof: Proof,
    /// From this instant on it is refused.
    pub expires_at: DateTime<Utc>,
    /// Until this instant it is suspended; one that lies in the past is over.
    pub suspended_until: Option<DateTime<Utc>>,
    /// Whether nobody has used it since an exchange made it: its first use is written down before it counts.
    pub awaits_first_use: bool,
    /// Its place in the token status list.
    pub status_index: i64,
}
