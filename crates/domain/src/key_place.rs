//! Where keys are published that a credential is proved by.

use crate::{client_key::ClientKey, credential::Proof};

/// Such a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyPlace {
    /// A JWK Set at this URL.
    Set(String),
    /// An issuer with a discovery document.
    Issuer(String),
}

impl KeyPlace {
    /// Where the keys of a credential are to be read, unless it has them itself.
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

    /// The stored form: its kind, and its URL.
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
