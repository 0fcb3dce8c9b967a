//! Validates an access token that is presented for introspection or revocation as one of this server's.

use domain::resource::parse_guid;
use serde::Deserialize;
use store::TokenReference;

use super::index;
use crate::{
    state::TokenService,
    token::{dialect::Dialect, entra_v1::EntraV1, entra_v2::EntraV2, rfc9068::Rfc9068},
};

/// The claims read from a token of this server, whichever dialect it has.
#[derive(Clone, Deserialize)]
pub(crate) struct OwnToken {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: String,
    pub(crate) exp: i64,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) jti: String,
    pub(crate) roles: Vec<String>,
    pub(crate) cnf: Option<Confirmation>,
    status: Status,
}

/// The key that the token is bound to (`cnf`, RFC 9449 §6.1).
#[derive(Clone, Deserialize)]
pub(crate) struct Confirmation {
    pub(crate) jkt: String,
}

impl OwnToken {
    /// The token without roles revoked since its issue; `None` if no role is left.
    pub(crate) fn with_roles_among(mut self, granted: &[String]) -> Option<Self> {
        self.roles.retain(|role| granted.contains(role));
        (!self.roles.is_empty()).then_some(self)
    }
}

#[derive(Clone, Deserialize)]
struct Status {
    status_list: StatusReference,
}

#[derive(Clone, Deserialize)]
struct StatusReference {
    idx: i64,
    uri: String,
}

impl TokenService {
    /// The verified access token of this server, within its `nbf` and `exp`. Status lists are signed by the same keys
    /// but have another `typ` (RFC 8725 §3.11).
    pub(crate) fn own_token(&self, token: &str) -> Option<OwnToken> {
        let now = self.clock.now();
        let (typ, token) = self.keys.load().verify::<OwnToken>(token, now)?;
        let now = now.timestamp();
        let ours = self.is_issued_by::<Rfc9068>(&typ, &token)
            || self.is_issued_by::<EntraV1>(&typ, &token)
            || self.is_issued_by::<EntraV2>(&typ, &token);
        (ours && token.nbf <= now && now < token.exp).then_some(token)
    }

    fn is_issued_by<D: Dialect>(&self, typ: &str, token: &OwnToken) -> bool {
        typ == D::TYP && token.iss == D::issuer(&self.settings)
    }

    /// The token's database key: its id, its client, and the status index of its secret.
    pub(crate) fn reference(&self, token: &OwnToken) -> Option<TokenReference> {
        let StatusReference { idx, uri } = &token.status.status_list;
        Some(TokenReference {
            jti: token.jti.clone(),
            client_id: parse_guid(&token.sub)?,
            status_index: index::status_index(index::list_at(&self.settings, uri)?, *idx)?,
            audience: token.aud.clone(),
        })
    }
}
