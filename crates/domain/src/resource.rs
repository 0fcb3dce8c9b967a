//! Resources: the protected APIs that tokens are for.

use std::str::FromStr;

/// How tokens for a resource are signed.
pub use oauth2_types::algorithm::Algorithm as SigningAlgorithm;
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
    /// Whether a client that asks for `indicator` (RFC 8707 §2) means this resource: by its URI, its GUID, or its GUID as an
    /// absolute URI (RFC 9562 §4), which libraries of the standard insist on.
    pub fn is_named_by(&self, indicator: &str) -> bool {
        Self::named(self.id, self.uri.as_deref(), indicator)
    }

    pub(crate) fn named(id: Uuid, uri: Option<&str>, indicator: &str) -> bool {
        uri == Some(indicator) || parse_guid(without_urn(indicator)) == Some(id)
    }
}

/// The scheme and the namespace of a URN fold case (RFC 8141 §3.1).
fn without_urn(indicator: &str) -> &str {
    const URN: &str = "urn:uuid:";
    match indicator.split_at_checked(URN.len()) {
        Some((scheme, guid)) if scheme.eq_ignore_ascii_case(URN) => guid,
        _ => indicator,
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
