//! The token response of each dialect, without its last member, the access token.

use serde::Serialize;

/// The successful token response (RFC 6749 §5.1).
#[derive(Serialize)]
pub struct TokenResponse<'a> {
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

/// That of Entra's v1 endpoint, whose numbers are strings.
#[derive(Serialize)]
pub struct EntraV1TokenResponse<'a> {
    /// How the token is presented.
    pub token_type: &'static str,
    /// Lifetime in seconds.
    pub expires_in: &'a str,
    /// The same.
    pub ext_expires_in: &'a str,
    /// In seconds since 1970.
    pub expires_on: String,
    /// In seconds since 1970.
    pub not_before: String,
    /// The audience of the token.
    pub resource: &'a str,
}

/// That of Entra's v2 endpoint.
#[derive(Serialize)]
pub struct EntraV2TokenResponse {
    /// How the token is presented.
    pub token_type: &'static str,
    /// Lifetime in seconds.
    pub expires_in: i64,
    /// The same.
    pub ext_expires_in: i64,
}
