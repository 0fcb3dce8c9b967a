//! Federated identities: JWTs that somebody else signs about a client, such as a cluster, a cloud or a build service.

use jose::PublicKey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Whose word counts for a client. Everything is compared to the letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedIdentity {
    /// Who signs.
    pub issuer: String,
    /// Whom the issuer speaks of.
    pub subject: String,
    /// For whom the issuer made the JWT.
    pub audience: String,
    /// The issuer's keys, where they were pasted; else its discovery document names them.
    pub keys: Option<Vec<NamedKey>>,
}

/// A key of a JWK Set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKey {
    /// Its name in the set.
    pub kid: Option<String>,
    /// The key.
    pub public: PublicKey,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    issuer: String,
    subject: String,
    audience: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwks: Option<Set>,
}

#[derive(Serialize, Deserialize)]
struct Set {
    keys: Vec<Map<String, Value>>,
}

impl FederatedIdentity {
    /// Reads the stored form.
    pub fn parse(material: &str) -> Option<Self> {
        let stored: Stored = serde_json::from_str(material).ok()?;
        Some(Self {
            issuer: stored.issuer,
            subject: stored.subject,
            audience: stored.audience,
            keys: stored.jwks.map(|set| named_keys(&set.keys)),
        })
    }

    /// The stored form.
    pub fn material(&self) -> String {
        let jwks = self.keys.as_ref().map(|keys| Set {
            keys: keys.iter().map(NamedKey::jwk).collect(),
        });
        let stored = Stored {
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
            audience: self.audience.clone(),
            jwks,
        };
        serde_json::to_string(&stored).unwrap_or_default()
    }
}

/// Those keys of a set that can sign for us; a set may hold others (RFC 7517 §5).
pub fn named_keys(keys: &[Map<String, Value>]) -> Vec<NamedKey> {
    let named = |jwk: &Map<String, Value>| {
        Some(NamedKey {
            kid: jwk.get("kid").and_then(Value::as_str).map(str::to_owned),
            public: PublicKey::from_jwk(jwk).ok()?,
        })
    };
    keys.iter().filter_map(named).collect()
}

impl NamedKey {
    fn jwk(&self) -> Map<String, Value> {
        let mut jwk = self.public.jwk().clone();
        if let Some(kid) = &self.kid {
            jwk.insert("kid".to_owned(), Value::from(kid.as_str()));
        }
        jwk
    }
}
