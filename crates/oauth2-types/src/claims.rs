//! Claims of access tokens: RFC 9068 for `/oauth2/token`, and the two shapes of Microsoft Entra's app-only tokens.

use serde::Serialize;

/// What every token carries, whatever its shape. Times are seconds since the Unix epoch.
#[derive(Serialize)]
pub struct CommonClaims<'a> {
    /// RFC 7519 §4.1.1.
    pub iss: &'a str,
    /// RFC 7519 §4.1.2: the client id, since no person takes part (RFC 9068 §2.2).
    pub sub: &'a str,
    /// RFC 7519 §4.1.3: exactly the resource that was granted.
    pub aud: &'a str,
    /// RFC 7519 §4.1.4.
    pub exp: i64,
    /// RFC 7519 §4.1.6.
    pub iat: i64,
    /// RFC 7519 §4.1.5.
    pub nbf: i64,
    /// RFC 7519 §4.1.7.
    pub jti: &'a str,
    /// RFC 9068 §2.2.3.1 and Entra: the roles granted on the resource.
    pub roles: &'a [String],
    /// The tenant.
    pub tid: &'a str,
    /// Where the token's status is published.
    pub status: TokenStatus<'a>,
    /// The key that it is bound to; a token without it is a bearer token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation<'a>>,
}

/// The `cnf` claim (RFC 7800 §3.1) of a token that is bound to a key by DPoP (RFC 9449 §6.1).
#[derive(Serialize)]
pub struct Confirmation<'a> {
    /// RFC 7638: the thumbprint of the key.
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
    /// The bit `idx` of the list at `uri`.
    pub fn of(idx: i64, uri: &'a str) -> Self {
        Self {
            status_list: StatusListReference { idx, uri },
        }
    }
}

/// A status list token (draft-ietf-oauth-status-list-20 §5.1). Times are seconds.
#[derive(Serialize)]
pub struct StatusListClaims<'a> {
    /// Its own address.
    pub sub: &'a str,
    /// When the list was true.
    pub iat: i64,
    /// When it must not be believed any more.
    pub exp: i64,
    /// How long it may be cached.
    pub ttl: i64,
    /// The list.
    pub status_list: StatusList<'a>,
}

/// The statuses of tokens, compressed (draft-ietf-oauth-status-list-20 §4.2).
#[derive(Serialize)]
pub struct StatusList<'a> {
    /// Bits per token.
    pub bits: u8,
    /// base64url of the zlib-compressed bits, least significant first.
    pub lst: String,
    /// Where all lists are named (§9.3).
    pub aggregation_uri: &'a str,
}

/// RFC 9068 §2.2.
#[derive(Serialize)]
pub struct AccessTokenClaims<'a> {
    /// Shared claims.
    #[serde(flatten)]
    pub common: CommonClaims<'a>,
    /// RFC 8693 §4.3.
    pub client_id: &'a str,
    /// RFC 8693 §4.2; agrees with `roles`.
    pub scope: &'a str,
}

/// Entra's v1.0 app-only token.
#[derive(Serialize)]
pub struct EntraV1Claims<'a> {
    /// Shared claims.
    #[serde(flatten)]
    pub common: CommonClaims<'a>,
    /// The client id.
    pub appid: &'a str,
    /// How the client authenticated: "1" is a secret.
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

/// Entra's v2.0 app-only token.
#[derive(Serialize)]
pub struct EntraV2Claims<'a> {
    /// Shared claims.
    #[serde(flatten)]
    pub common: CommonClaims<'a>,
    /// The client id.
    pub azp: &'a str,
    /// How the client authenticated: "1" is a secret.
    pub azpacr: &'a str,
    /// "app": no person takes part.
    pub idtyp: &'a str,
    /// Same as `sub`.
    pub oid: &'a str,
    /// Same as `jti`.
    pub uti: &'a str,
    /// "2.0".
    pub ver: &'a str,
}
