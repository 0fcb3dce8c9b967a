//! What an API learns of a good token.

use serde::Deserialize;

use crate::{Rejection, status};

/// The claims of a token as they stand. `iss` and `aud` are single strings: lists are not issued, and are refused.
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

/// What a token is bound to (RFC 7800 §3.1): a key by DPoP (RFC 9449 §6.1), or something that this crate does not know.
#[derive(Deserialize)]
pub(crate) struct Confirmation {
    jkt: Option<String>,
}

impl Claims {
    /// Whether an application calls for itself: `sub` is the client that the token was issued to, under whatever name the route
    /// gives it (RFC 9068 §2.2, §5). A person's token must never pass for an application's.
    pub(crate) fn is_of_a_client(&self) -> bool {
        let mut named = [&self.client_id, &self.appid, &self.azp]
            .into_iter()
            .flatten()
            .peekable();
        named.peek().is_some() && named.all(|client| *client == self.sub)
    }

    /// A token that is bound to a key comes with a proof by that key and never alone (RFC 9449 §7.1, §7.2).
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

/// A token that has passed every check. Nothing but [`crate::Verifier::verify`] builds one.
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

    /// The application that calls; the same on every route.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Who issued it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Which of the API's audiences it is for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// What the application may do.
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

    /// The key that it is bound to, and that its holder has proved to have (RFC 7638); `None` for a bearer token.
    pub fn key_thumbprint(&self) -> Option<&str> {
        self.key_thumbprint.as_deref()
    }

    /// Refuses a token without this role.
    pub fn require_role(&self, role: &str) -> Result<(), Rejection> {
        if self.roles.iter().any(|held| held == role) {
            Ok(())
        } else {
            Err(Rejection::MissingRole)
        }
    }
}
