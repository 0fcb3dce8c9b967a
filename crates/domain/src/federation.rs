//! Federated identities: external issuers, such as a cluster, a cloud or a build service, whose JWTs authenticate a
//! client.

use jose::{PublicKey, UnfitKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::webhook::{InvalidWebhookUrl, parse_url};

/// The claims that an external JWT must have. All are compared exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedIdentity {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`.
    pub audience: String,
    /// The issuer's keys, if registered; else they are found by its discovery document.
    pub keys: Option<Vec<NamedKey>>,
}

/// A key of a JWK Set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKey {
    /// Its `kid`.
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
    /// Parses the stored form.
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

/// The keys of a JWK Set that are usable for verification; a set may hold others (RFC 7517 §5).
pub fn named_keys(keys: &[Map<String, Value>]) -> Vec<NamedKey> {
    let named = |jwk: &Map<String, Value>| {
        Some(NamedKey {
            kid: jwk.get("kid").and_then(Value::as_str).map(str::to_owned),
            public: PublicKey::from_jwk(jwk).ok()?,
        })
    };
    keys.iter().filter_map(named).collect()
}

/// The stored form of such keys: a JWK Set with the members that are used.
pub fn stored_set(keys: &[NamedKey]) -> String {
    let set = Set {
        keys: keys.iter().map(NamedKey::jwk).collect(),
    };
    serde_json::to_string(&set).unwrap_or_default()
}

/// Parses the stored form.
pub fn parse_set(text: &str) -> Option<Vec<NamedKey>> {
    let set: Set = serde_json::from_str(text).ok()?;
    Some(named_keys(&set.keys))
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

/// Why an identity can't be registered. The texts give the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitIdentity {
    /// The issuer is no valid URL.
    #[error("issuer must be an https URL without query and fragment, to the letter as the iss of its tokens")]
    Issuer,
    /// The issuer's keys would have to be fetched from a private address.
    #[error("issuer must not point to this machine or a private network, unless you paste its keys as jwks")]
    Private,
    /// Refused by configuration.
    #[error("this issuer is refused here: write to the WMDA team")]
    Refused,
    /// Subject or audience is invalid.
    #[error(
        "subject and audience must be texts of 1 to 500 printable characters, compared to the letter: no wildcards"
    )]
    Text,
    /// The set has no usable key.
    #[error(
        "jwks must be a JWK Set of 1 to 20 public keys, of which at least one is EC P-256, Ed25519 or RSA of 2048 to 4096 bits"
    )]
    Keys,
    /// The set holds a private key.
    #[error(
        "jwks holds a private key: it is burnt. Tell its owner to throw it away, and paste public keys only"
    )]
    PrivateKey,
}

const LONGEST: usize = 500;
const MOST_KEYS: usize = 20;

/// Whether configuration refuses an issuer: by its URL, or by a prefix up to a slash.
pub fn is_refused(issuer: &str, refused: &[String]) -> bool {
    refused.iter().any(|refused| {
        let refused = refused.trim_end_matches('/');
        let rest = issuer.strip_prefix(refused);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

impl FederatedIdentity {
    /// Validates an identity to be registered. `refused` are issuers that configuration refuses.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn register(
        [issuer, subject, audience]: [&str; 3],
        jwks: Option<&Map<String, Value>>,
        (refused, allow_private): (&[String], bool),
    ) -> Result<Self, UnfitIdentity> {
        // A private issuer is allowed if its keys need not be fetched.
        let url = parse_url(issuer, allow_private || jwks.is_some()).map_err(|error| match error {
            InvalidWebhookUrl::Form => UnfitIdentity::Issuer,
            InvalidWebhookUrl::Private => UnfitIdentity::Private,
        })?;
        if url.query().is_some() || issuer.trim() != issuer || issuer.len() > LONGEST {
            return Err(UnfitIdentity::Issuer);
        }
        if is_refused(issuer, refused) {
            return Err(UnfitIdentity::Refused);
        }
        let is_text = |text: &str| {
            let length = text.chars().count();
            (1..=LONGEST).contains(&length) && !text.chars().any(|one| one.is_control() || one == '*')
        };
        if !is_text(subject) || !is_text(audience) {
            return Err(UnfitIdentity::Text);
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            audience: audience.to_owned(),
            keys: jwks.map(pasted).transpose()?,
        })
    }

    /// The registered keys as a JWK Set.
    pub fn jwks(&self) -> Option<Value> {
        let keys = self.keys.as_ref()?;
        let keys: Vec<Value> = keys.iter().map(|key| Value::Object(key.jwk())).collect();
        Some(serde_json::json!({ "keys": keys }))
    }
}

fn pasted(jwks: &Map<String, Value>) -> Result<Vec<NamedKey>, UnfitIdentity> {
    let keys = jwks
        .get("keys")
        .and_then(Value::as_array)
        .ok_or(UnfitIdentity::Keys)?;
    let keys: Option<Vec<Map<String, Value>>> = keys.iter().map(|key| key.as_object().cloned()).collect();
    let keys = keys
        .filter(|keys| keys.len() <= MOST_KEYS)
        .ok_or(UnfitIdentity::Keys)?;
    let is_private = |key: &Map<String, Value>| matches!(PublicKey::from_jwk(key), Err(UnfitKey::Private));
    if keys.iter().any(is_private) {
        return Err(UnfitIdentity::PrivateKey);
    }
    match named_keys(&keys) {
        none if none.is_empty() => Err(UnfitIdentity::Keys),
        some => Ok(some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_refused_by_its_beginning_up_to_a_slash() {
        let refused = ["https://ci.example".to_owned(), "https://a.example/x/".to_owned()];
        for issuer in [
            "https://ci.example",
            "https://ci.example/",
            "https://ci.example/y",
            "https://a.example/x/y",
        ] {
            assert!(is_refused(issuer, &refused), "{issuer}");
        }
        for issuer in [
            "https://ci.example.org",
            "https://a.example/xy",
            "https://a.example",
        ] {
            assert!(!is_refused(issuer, &refused), "{issuer}");
        }
    }

    #[test]
    fn identities_are_checked_when_they_are_registered() {
        let register = |issuer, subject, audience| {
            FederatedIdentity::register(
                [issuer, subject, audience],
                None,
                (&["https://bad.example".to_owned()], false),
            )
            .err()
        };
        assert_eq!(register("https://good.example/x", "s", "a"), None);
        for (issuer, subject, audience, why) in [
            ("http://good.example", "s", "a", UnfitIdentity::Issuer),
            ("good.example", "s", "a", UnfitIdentity::Issuer),
            ("https://good.example/?x", "s", "a", UnfitIdentity::Issuer),
            (" https://good.example", "s", "a", UnfitIdentity::Issuer),
            ("https://10.0.0.1", "s", "a", UnfitIdentity::Private),
            ("https://localhost", "s", "a", UnfitIdentity::Private),
            ("https://bad.example/x", "s", "a", UnfitIdentity::Refused),
            ("https://good.example", "", "a", UnfitIdentity::Text),
            ("https://good.example", "repo:*", "a", UnfitIdentity::Text),
            ("https://good.example", "s", "a\u{0}", UnfitIdentity::Text),
        ] {
            assert_eq!(
                register(issuer, subject, audience),
                Some(why),
                "{issuer} {subject}"
            );
        }
    }
}
