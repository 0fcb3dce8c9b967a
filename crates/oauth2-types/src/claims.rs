//! Claims of access tokens: RFC 9068 for `/oauth2/token`, and the two formats of Microsoft Entra's app-only tokens.

use serde::Serialize;

/// The claims common to all formats. Times are seconds since the Unix epoch.
#[derive(Serialize)]
pub struct CommonClaims<'a> {
    /// Issuer (RFC 7519 §4.1.1).
    pub iss: &'a str,
    /// Subject (RFC 7519 §4.1.2): the client id, as there is no user (RFC 9068 §2.2).
    pub sub: &'a str,
    /// Audience (RFC 7519 §4.1.3): exactly the granted resource.
    pub aud: &'a str,
    /// Expiry (RFC 7519 §4.1.4).
    pub exp: i64,
    /// Issue time (RFC 7519 §4.1.6).
    pub iat: i64,
    /// Not before (RFC 7519 §4.1.5).
    pub nbf: i64,
    /// Token id (RFC 7519 §4.1.7).
    pub jti: &'a str,
    /// The roles granted on the resource (RFC 9068 §2.2.3.1, and Entra).
    pub roles: &'a [String],
    /// The tenant id.
    pub tid: &'a str,
    /// The token's index in a status list.
    pub status: TokenStatus<'a>,
    /// The key that the token is bound to; a bearer token has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation<'a>>,
}

/// The `cnf` claim (RFC 7800 §3.1) of a DPoP-bound token (RFC 9449 §6.1).
#[derive(Serialize)]
pub struct Confirmation<'a> {
    /// The thumbprint of the key (RFC 7638).
    pub jkt: &'a str,
}

/// The `status` claim (draft-ietf-oauth-status-list-20 §6.1).
#[derive(Serialize)]
pub struct TokenStatus<'a> {
    status_list: StatusListReference<'a>,
}

#[derive(Serialize)]
struct StatusListReference<'a> {
    idx: i64,
    uri: &'a str,
}

impl<'a> TokenStatus<'a> {
    /// The index `idx` in the list at `uri`.
    pub fn of(idx: i64, uri: &'a str) -> Self {
        Self {
            status_list: StatusListReference { idx, uri },
        }
    }
}

/// A status list token (draft-ietf-oauth-status-list-20 §5.1). Times are seconds.
#[derive(Serialize)]
pub struct StatusListClaims<'a> {
    /// The list's own URI.
    pub sub: &'a str,
    /// The time of the list's content.
    pub iat: i64,
    /// The list must not be used after this.
    pub exp: i64,
    /// How long it may be cached.
    pub ttl: i64,
    /// The statuses.
    pub status_list: StatusList<'a>,
}

/// The statuses of tokens, compressed (draft-ietf-oauth-status-list-20 §4.2).
#[derive(Serialize)]
pub struct StatusList<'a> {
    /// Bits per status.
    pub bits: u8,
    /// base64url of the zlib-compressed bits, least significant first.
    pub lst: String,
    /// The URI of the status list aggregation (§9.3).
    pub aggregation_uri: &'a str,
}

/// The claims of a JWT access token (RFC 9068 §2.2).
#[derive(Serialize)]
pub struct AccessTokenClaims<'a> {
    /// The common claims.
    #[serde(flatten)]
    pub common: CommonClaims<'a>,
    /// The client id (RFC 8693 §4.3).
    pub client_id: &'a str,
    /// The scope (RFC 8693 §4.2); the same as `roles`.
    pub scope: &'a str,
}

/// The claims of Entra's v1.0 app-only token.
#[derive(Serialize)]
pub struct EntraV1Claims<'a> {
    /// The common claims.
    #[serde(flatten)]
    pub common: CommonClaims<'a>,
    /// The client id.
    pub appid: &'a str,
    /// How the client authenticated: "1" by secret, "2" by key or certificate.
    pub appidacr: &'a str,
    /// The identity provider: the issuer itself.
    pub idp: &'a str,
    /// Same as `sub`.
    pub oid: &'a str,
    /// Same as `jti`.
    pub uti: &'a str,
    /// "1.0".
    pub ver: &'a str,
}

/// The claims of Entra's v2.0 app-only token.
#[derive(Serialize)]
pub struct EntraV2Claims<'a> {
    /// The common claims.
    #[serde(flatten)]
    pub common: CommonClaims<'a>,
    /// The client id.
    pub azp: &'a str,
    /// How the client authenticated: "1" by secret, "2" by key or certificate.
    pub azpacr: &'a str,
    /// "app": there is no user.
    pub idtyp: &'a str,
    /// Same as `sub`.
    pub oid: &'a str,
    /// Same as `jti`.
    pub uti: &'a str,
    /// "2.0".
    pub ver: &'a str,
}
