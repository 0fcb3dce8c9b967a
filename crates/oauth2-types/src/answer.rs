//! The token response.

use serde::Serialize;

/// The successful token response (RFC 6749 §5.1).
#[derive(Serialize)]
pub struct TokenResponse<'a> {
    /// The access token, a JWT.
    pub access_token: &'a str,
    /// How the token is presented (RFC 6750 §2.1, RFC 9449 §5).
    pub token_type: &'static str,
    /// Lifetime in seconds.
    pub expires_in: i64,
    /// The granted roles.
    pub scope: &'a str,
    /// When the authenticating client secret expires (RFC 7591 §3.2.1), in seconds since 1970; absent for other
    /// credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<i64>,
}
