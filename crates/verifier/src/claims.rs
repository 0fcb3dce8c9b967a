//! The claims of a valid token.

use serde::Deserialize;

use crate::{Rejection, status};

/// The claims of a token as parsed. `iss` and `aud` must be single strings: lists are not issued, and are rejected.
#[derive(Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: String,
    pub(crate) exp: i64,
    pub(crate) nbf: i64,
    pub(crate) iat: i64,
    pub(crate) jti: String,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    pub(crate) tid: Option<String>,
    client_id: Option<String>,
    appid: Option<String>,
    azp: Option<String>,
    pub(crate) status: Option<status::Reference>,
    pub(crate) cnf: Option<Confirmation>,
}

/// The `cnf` claim (RFC 7800 §3.1): a key bound by DPoP (RFC 9449 §6.1), or a method unknown to this crate.
#[derive(Deserialize)]
pub(crate) struct Confirmation {
    jkt: Option<String>,
}

impl Claims {
    /// Whether the token was issued to an application itself: `sub` is its client id, in whichever claim the endpoint
    /// puts that (RFC 9068 §2.2, §5). A person's token must never pass for an application's.
    pub(crate) fn is_of_a_client(&self) -> bool {
        let mut named = [&self.client_id, &self.appid, &self.azp]
            .into_iter()
            .flatten()
            .peekable();
        named.peek().is_some() && named.all(|client| *client == self.sub)
    }

    /// A bound token requires a proof under its key (RFC 9449 §7.1, §7.2), a bearer token forbids one.
    pub(crate) fn check_binding(&self, proven: Option<&str>) -> Result<(), Rejection> {
        match (&self.cnf, proven) {
            (None, None) => Ok(()),
            (Some(_), None) => Err(Rejection::BoundToken),
            (None, Some(_)) => Err(Rejection::UnboundToken),
            (Some(cnf), Some(_)) if cnf.jkt.as_deref() == proven => Ok(()),
            (Some(_), Some(_)) => Err(Rejection::OtherKey),
        }
    }
}

/// A validated token. Only [`crate::Verifier::verify`] constructs one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    issuer: String,
    client_id: String,
    audience: String,
    roles: Vec<String>,
    token_id: String,
    tenant_id: Option<String>,
    expires_at: i64,
    key_thumbprint: Option<String>,
}

impl VerifiedToken {
    pub(crate) fn new(claims: Claims) -> Self {
        Self {
            issuer: claims.iss,
            client_id: claims.sub,
            audience: claims.aud,
            roles: claims.roles,
            token_id: claims.jti,
            tenant_id: claims.tid,
            expires_at: claims.exp,
            key_thumbprint: claims.cnf.and_then(|cnf| cnf.jkt),
        }
    }

    /// The client id of the calling application; the same for every endpoint.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The audience: one of the API's own.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The roles granted to the application.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// `jti`, for the log.
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// `tid`.
    pub fn tenant_id(&self) -> Option<&str> {
        self.tenant_id.as_deref()
    }

    /// Seconds since the Unix epoch.
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// The thumbprint of the key that it is bound to and whose possession the caller has proved (RFC 7638); `None`
    /// for a bearer token.
    pub fn key_thumbprint(&self) -> Option<&str> {
        self.key_thumbprint.as_deref()
    }

    /// Rejects a token without this role.
    pub fn require_role(&self, role: &str) -> Result<(), Rejection> {
        if self.roles.iter().any(|held| held == role) {
            Ok(())
        } else {
            Err(Rejection::MissingRole)
        }
    }
}
