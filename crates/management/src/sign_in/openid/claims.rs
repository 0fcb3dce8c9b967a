//! Claims about a person, in an ID token (OpenID Connect Core 1.0 section 2) and from the userinfo endpoint (section
//! 5.3.2).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de::Error};

/// The claims of an ID token.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) sub: String,
    pub(super) aud: Audience,
    #[serde(deserialize_with = "numeric_date")]
    pub(super) exp: DateTime<Utc>,
    #[serde(deserialize_with = "numeric_date")]
    pub(super) iat: DateTime<Utc>,
    pub(super) nonce: Option<String>,
    pub(super) azp: Option<String>,
    /// Section 3.1.3.6.
    pub(super) at_hash: Option<String>,
    /// RFC 8176.
    pub(super) amr: Option<Vec<String>>,
    pub(super) acr: Option<String>,
    #[serde(flatten)]
    pub(super) email: Email,
}

/// One audience, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(super) fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// The e-mail address, and whether the provider has verified it (section 5.1).
#[derive(Debug, Deserialize)]
pub(super) struct Email {
    pub(super) email: Option<String>,
    email_verified: Option<bool>,
}

impl Email {
    pub(super) fn verified(&self) -> Option<&str> {
        self.email
            .as_deref()
            .filter(|_| self.email_verified == Some(true))
    }
}

/// The answer of the userinfo endpoint.
#[derive(Deserialize)]
pub(super) struct UserInfo {
    pub(super) sub: String,
    #[serde(flatten)]
    pub(super) email: Email,
}

/// A NumericDate, which may have a fraction (RFC 7519 section 2).
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let milliseconds = f64::deserialize(deserializer)? * 1000.0;
    DateTime::from_timestamp_millis(milliseconds as i64).ok_or_else(|| D::Error::custom("no NumericDate"))
}
