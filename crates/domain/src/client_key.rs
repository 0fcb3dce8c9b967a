//! A client's public key: its stored form, and the identifiers by which the header of an assertion selects it.

use jose::PublicKey;
use oauth2_types::algorithm::Algorithm;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The source of a client's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientKey {
    /// Registered directly.
    Registered(Box<RegisteredKey>),
    /// Published in the JWK Set at this `jwks_uri`.
    Published(String),
}

/// A registered key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredKey {
    /// The key.
    pub public: PublicKey,
    /// Its key id; the thumbprint if none was given.
    pub kid: String,
    /// The thumbprints of its certificate, if it was registered by one.
    pub certificate: Option<CertificateThumbprints>,
}

/// Certificate thumbprints (RFC 7515 §4.1.7, §4.1.8): base64url of a hash over the DER.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateThumbprints {
    /// SHA-1 (`x5t`); only an identifier here, with no need for collision resistance.
    #[serde(rename = "x5t")]
    pub sha1: String,
    /// SHA-256 (`x5t#S256`).
    #[serde(rename = "x5t#S256")]
    pub sha256: String,
}

/// The stored form. Unknown members, from later versions, are ignored.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwk: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateThumbprints>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
}

impl ClientKey {
    /// Parses the stored form.
    pub fn parse(material: &str) -> Option<Self> {
        let stored: Stored = serde_json::from_str(material).ok()?;
        if let Some(url) = stored.jwks_uri {
            return Some(Self::Published(url));
        }
        let public = PublicKey::from_jwk(&stored.jwk?).ok()?;
        Some(Self::Registered(Box::new(RegisteredKey {
            kid: stored.kid.unwrap_or_else(|| public.thumbprint().to_owned()),
            public,
            certificate: stored.certificate,
        })))
    }

    /// The stored form.
    pub fn material(&self) -> String {
        let stored = match self {
            Self::Registered(key) => Stored {
                jwk: Some(key.public.jwk().clone()),
                kid: Some(key.kid.clone()),
                certificate: key.certificate.clone(),
                jwks_uri: None,
            },
            Self::Published(url) => Stored {
                jwk: None,
                kid: None,
                certificate: None,
                jwks_uri: Some(url.clone()),
            },
        };
        serde_json::to_string(&stored).unwrap_or_default()
    }
}

impl RegisteredKey {
    /// The signing algorithm of its assertions, except for certificates at Entra endpoints.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.public.algorithms().first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: &str = r#"{"jwk":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},"later":1}"#;

    #[test]
    fn c01_a_stored_key_is_read_as_it_was_written() {
        let key = ClientKey::parse(STORED).unwrap();
        let ClientKey::Registered(registered) = &key else {
            panic!("{key:?}");
        };
        assert_eq!(registered.kid, registered.public.thumbprint());
        assert_eq!(ClientKey::parse(&key.material()), Some(key.clone()));
        let published = ClientKey::Published("https://registry.example/jwks".to_owned());
        assert_eq!(ClientKey::parse(&published.material()), Some(published));
        for broken in ["", "{}", r#"{"jwk":{"kty":"oct","k":"AA"}}"#] {
            assert_eq!(ClientKey::parse(broken), None, "{broken}");
        }
    }
}
