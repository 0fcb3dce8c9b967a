//! The answer to a granted token request.

use serde::Serialize;

/// RFC 6749 §5.1.
#[derive(Serialize)]
pub struct TokenResponse<'a> {
    /// The JWT.
    pub access_token: &'a str,
    /// How the token is presented (RFC 6750 §2.1, RFC 9449 §5).
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    /// The roles that the token holds.
    pub scope: &'a str,
    /// When the client secret that was used expires (RFC 7591 §3.2.1), in seconds since 1970; absent when none was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<i64>,
}
