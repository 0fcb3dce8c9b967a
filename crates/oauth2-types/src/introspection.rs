//! The introspection response (RFC 7662 §2.2).

use serde::Serialize;

use crate::claims::Confirmation;

/// The response about an active token whose audience is the caller. For others it is [`Inactive`].
#[derive(Serialize)]
pub struct Active<'a> {
    /// Always true.
    pub active: bool,
    /// Issuer.
    pub iss: &'a str,
    /// The client id, as there is no user.
    pub sub: &'a str,
    /// The audience: one resource.
    pub aud: &'a str,
    /// The client that the token was issued to.
    pub client_id: &'a str,
    /// The roles as a scope.
    pub scope: &'a str,
    /// The roles as a list, as in the token.
    pub roles: &'a [String],
    /// Seconds since the Unix epoch.
    pub exp: i64,
    /// Seconds since the Unix epoch.
    pub iat: i64,
    /// Seconds since the Unix epoch.
    pub nbf: i64,
    /// The token's identifier.
    pub jti: &'a str,
    /// `token_type`: how the token is presented (RFC 6750 §2.1, RFC 9449 §6.2).
    pub token_type: &'static str,
    /// The key that the token is bound to (RFC 9449 §6.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation<'a>>,
}

/// `{"active":false}`: does not reveal the reason.
#[derive(Serialize)]
pub struct Inactive {
    active: bool,
}

impl Inactive {
    /// The only value.
    pub const ANSWER: Self = Self { active: false };
}
