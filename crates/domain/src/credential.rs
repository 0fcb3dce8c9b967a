//! Credentials, by which applications authenticate: secrets, keys and federated identities. Each has a name, an
//! expiry, an index in the token status list and a last use.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{client_key::ClientKey, digest::Digest, federation::FederatedIdentity};

/// The kind of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// A shared secret.
    Secret,
    /// A private key, which signs assertions (RFC 7523).
    Key,
    /// A JWT signed by a federated issuer.
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

    /// Parses the stored form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The refusal cause of an expired credential of this kind.
    pub fn cause_of_expiry(self) -> &'static str {
        match self {
            Self::Secret => "expired",
            Self::Key | Self::Federated => "key_expired",
        }
    }
}

/// The public part of a credential, which may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicPart {
    /// Nothing of a secret but its hint.
    Secret,
    /// The key.
    Key(Arc<ClientKey>),
    /// The federated identity.
    Federated(Arc<FederatedIdentity>),
}

impl PublicPart {
    /// Parses the stored form; `None` for a form unknown to this version.
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

    /// Whether one assertion could match both.
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

/// What a credential is verified against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The stored digest of a secret.
    Secret(Digest),
    /// A public key, or where it is published; parsed once.
    Key(Arc<ClientKey>),
    /// A federated identity.
    Federated(Arc<FederatedIdentity>),
}

impl Proof {
    /// Parses the stored form; `None` for a form unknown to this version: such a credential does not authenticate
    /// here.
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

    /// Whether this is a secret with one of these digests. Digests are keyed, so an attacker can't exploit the
    /// comparison's timing. Other kinds never match, whatever their digest column holds.
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

/// A credential of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Permanent identifier.
    pub id: Uuid,
    /// What it is verified against.
    pub proof: Proof,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// When its suspension ends; in the past it has no effect.
    pub suspended_until: Option<DateTime<Utc>>,
    /// Whether it was created by rotation and not used yet: its first use must be recorded before it counts.
    pub awaits_first_use: bool,
    /// Its index in the token status list.
    pub status_index: i64,
}
