//! Resources: the protected APIs that tokens are for.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// A value that names none of the known variants.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {0}")]
pub struct Unknown(pub &'static str);

/// Where an API runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Real patients and donors.
    Production,
    /// Test data.
    Sandbox,
}

impl Environment {
    /// The stored and displayed form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Sandbox => "sandbox",
        }
    }
}

impl FromStr for Environment {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "production" => Ok(Self::Production),
            "sandbox" => Ok(Self::Sandbox),
            _ => Err(Unknown("environment: use production or sandbox")),
        }
    }
}

/// How tokens for a resource are signed (RFC 7518 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ES256 => "ES256",
            Self::RS256 => "RS256",
        })
    }
}

impl FromStr for SigningAlgorithm {
    type Err = Unknown;
    fn from_str(text: &str) -> Result<Self, Unknown> {
        match text {
            "ES256" => Ok(Self::ES256),
            "RS256" => Ok(Self::RS256),
            _ => Err(Unknown("signing algorithm: use ES256 or RS256")),
        }
    }
}

/// A protected API in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Permanent identifier; the audience of tokens that ask for it by GUID.
    pub id: Uuid,
    /// An absolute URI by which clients may ask for it too.
    pub uri: Option<String>,
    /// The API's name, for instance "Match-Connect".
    pub name: String,
    /// Production or sandbox.
    pub environment: Environment,
    /// Overrides the server's default lifetime.
    pub token_lifetime_seconds: Option<i64>,
    /// Overrides the server's default algorithm.
    pub signing_algorithm: Option<SigningAlgorithm>,
    /// The roles that can be granted on it.
    pub roles: Vec<String>,
}

impl Resource {
    /// Whether a client that asks for `indicator` (RFC 8707 §2) means this resource.
    pub fn is_named_by(&self, indicator: &str) -> bool {
        Self::named(self.id, self.uri.as_deref(), indicator)
    }

    pub(crate) fn named(id: Uuid, uri: Option<&str>, indicator: &str) -> bool {
        uri == Some(indicator) || parse_guid(indicator) == Some(id)
    }
}

/// Reads a GUID in its plain hyphenated form only.
pub fn parse_guid(text: &str) -> Option<Uuid> {
    if text.len() == 36 {
        Uuid::try_parse(text).ok()
    } else {
        None
    }
}
