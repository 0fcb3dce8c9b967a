//! A token that somebody hands back, to ask about it or to end it: whether it is one of ours.

use domain::resource::parse_guid;
use serde::Deserialize;
use store::TokenReference;

use crate::{issue::Shape, state::TokenService, status_list};

/// What is read of a token that this server signed, whatever its shape.
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
    status: Status,
}

#[derive(Clone, Deserialize)]
struct Status {
    status_list: Place,
}

#[derive(Clone, Deserialize)]
struct Place {
    idx: i64,
    uri: String,
}

impl TokenService {
    /// An access token of this server whose time has come and not passed. Status lists, which the same keys sign, have
    /// another `typ` (RFC 8725 §3.11).
    pub(crate) fn own_token(&self, token: &str) -> Option<OwnToken> {
        let now = self.clock.now();
        let (typ, token) = self.keys.load().verify::<OwnToken>(token, now)?;
        let now = now.timestamp();
        let issued_as = |shape, expected| typ == expected && token.iss == self.issuer(shape);
        let ours = issued_as(Shape::Rfc9068, "at+jwt")
            || issued_as(Shape::EntraV1, "JWT")
            || issued_as(Shape::EntraV2, "JWT");
        (ours && token.nbf <= now && now < token.exp).then_some(token)
    }

    /// By what the database knows the token.
    pub(crate) fn reference(&self, token: &OwnToken) -> Option<TokenReference> {
        let Place { idx, uri } = &token.status.status_list;
        Some(TokenReference {
            jti: token.jti.clone(),
            client_id: parse_guid(&token.sub)?,
            status_index: status_list::index_at(self.status_list_number(uri)?, *idx)?,
        })
    }
}
