//! Resources: the protected APIs, which are the audiences of tokens.

use std::str::FromStr;

/// The signing algorithm of tokens.
pub use oauth2_types::algorithm::Algorithm as SigningAlgorithm;
use uuid::Uuid;

/// A text that is none of the known variants.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {0}")]
pub struct Unknown(pub &'static str);

/// The environment of an API.
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

/// A protected API in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Permanent identifier; the `aud` of tokens requested by GUID.
    pub id: Uuid,
    /// Its resource indicator: an absolute URI (RFC 8707 §2).
    pub uri: Option<String>,
    /// The API's name, for instance "Match-Connect".
    pub name: String,
    /// Its environment.
    pub environment: Environment,
    /// Overrides the server's default token lifetime.
    pub token_lifetime_seconds: Option<i64>,
    /// Overrides the server's default signing algorithm.
    pub signing_algorithm: Option<SigningAlgorithm>,
    /// The roles that can be granted on it.
    pub roles: Vec<String>,
}

impl Resource {
    /// Whether a resource indicator (RFC 8707 §2) names this resource: by its URI, its GUID, or its GUID as a URN
    /// (RFC 9562 §4), for libraries that require an absolute URI.
    pub fn is_named_by(&self, indicator: &str) -> bool {
        Self::named(self.id, self.uri.as_deref(), indicator)
    }

    pub(crate) fn named(id: Uuid, uri: Option<&str>, indicator: &str) -> bool {
        uri == Some(indicator) || parse_guid(without_urn(indicator)) == Some(id)
    }
}

/// Removes `urn:uuid:`, in any case (RFC 8141 §3.1).
fn without_urn(indicator: &str) -> &str {
    const URN: &str = "urn:uuid:";
    match indicator.split_at_checked(URN.len()) {
        Some((scheme, guid)) if scheme.eq_ignore_ascii_case(URN) => guid,
        _ => indicator,
    }
}

/// Parses a GUID in its hyphenated form only.
pub fn parse_guid(text: &str) -> Option<Uuid> {
    if text.len() == 36 {
        Uuid::try_parse(text).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t11_a_resource_is_named_by_its_uri_its_guid_and_its_guid_as_a_urn() {
        let id = Uuid::from_u128(0xabc);
        let uri = Some("https://api.example.org");
        for name in [
            "https://api.example.org",
            "00000000-0000-0000-0000-000000000abc",
            "00000000-0000-0000-0000-000000000ABC",
            "urn:uuid:00000000-0000-0000-0000-000000000abc",
            "URN:UUID:00000000-0000-0000-0000-000000000abc",
        ] {
            assert!(Resource::named(id, uri, name), "{name}");
        }
        for other in [
            "",
            "urn:uuid:",
            "https://api.example.org/",
            "urn:uuid:https://api.example.org",
            "urn:guid:00000000-0000-0000-0000-000000000abc",
            "urn:uuid:urn:uuid:00000000-0000-0000-0000-000000000abc",
            "{00000000-0000-0000-0000-000000000abc}",
            "00000000-0000-0000-0000-000000000abd",
        ] {
            assert!(!Resource::named(id, uri, other), "{other}");
        }
    }
}
