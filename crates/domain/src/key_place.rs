//! Where the keys of a credential are published.

use crate::{client_key::ClientKey, credential::Proof};

/// A location of published keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyPlace {
    /// The JWK Set at this URL (`jwks_uri`).
    Set(String),
    /// The discovery document of this issuer.
    Issuer(String),
}

impl KeyPlace {
    /// The location of a credential's keys, unless they are stored with it.
    pub fn of(proof: &Proof) -> Option<Self> {
        match proof {
            Proof::Key(key) => match &**key {
                ClientKey::Published(url) => Some(Self::Set(url.clone())),
                ClientKey::Registered(_) => None,
            },
            Proof::Federated(identity) if identity.keys.is_none() => {
                Some(Self::Issuer(identity.issuer.clone()))
            }
            Proof::Federated(_) | Proof::Secret(_) => None,
        }
    }

    /// The stored form: kind and URL.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Set(url) => ("jwks_uri", url),
            Self::Issuer(issuer) => ("issuer", issuer),
        }
    }

    /// Its URL.
    pub fn name(&self) -> &str {
        self.parts().1
    }
}
