//! Client assertions (RFC 7523 §3, draft-ietf-oauth-rfc7523bis): JWTs signed by the client itself or by a federated
//! issuer. Parsing verifies nothing; [`crate::authentication::verify_assertion`] does.

use jose::{Jws, JwsError, strict_json};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::resource::parse_guid;

/// The largest accepted NumericDate; larger integers are not exact in JSON.
const LATEST: f64 = 9_007_199_254_740_991.0;

/// Why a text can't be parsed as a client assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadableAssertion {
    /// No JWS, duplicate members, or claims of the wrong type.
    Malformed,
    /// `typ` is that of another kind of JWT.
    Type,
    /// An unsupported signing algorithm.
    Algorithm,
}

/// The `aud` claim.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

/// A parsed client assertion; nothing is verified yet.
pub struct Assertion<'a> {
    pub(crate) jws: Jws<'a>,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) audience: Audience,
    pub(crate) expires_at: i64,
    pub(crate) not_before: Option<i64>,
    pub(crate) issued_at: Option<i64>,
    pub(crate) id: Option<String>,
}

impl<'a> Assertion<'a> {
    /// Parses a compact JWS with the claims of RFC 7523 §3, strictly: types must match, and no member may be
    /// repeated.
    pub fn parse(compact: &'a str) -> Result<Self, UnreadableAssertion> {
        use UnreadableAssertion::{Algorithm, Malformed, Type};
        let jws = Jws::parse(compact).map_err(|error| match error {
            JwsError::Algorithm => Algorithm,
            JwsError::Malformed | JwsError::Repeated | JwsError::Critical => Malformed,
        })?;
        let typed = jws.has_type("client-authentication+jwt") || jws.has_type("JWT");
        if !typed && jws.header("typ").is_some() {
            return Err(Type);
        }
        let claims = strict_json::read(&jws.payload).map_err(|_| Malformed)?;
        let text = |name| text(&claims, name).map_err(|()| Malformed);
        let time = |name| time(&claims, name).map_err(|()| Malformed);
        Ok(Self {
            issuer: text("iss")?.ok_or(Malformed)?,
            subject: text("sub")?.ok_or(Malformed)?,
            audience: audience(&claims).ok_or(Malformed)?,
            expires_at: time("exp")?.ok_or(Malformed)?,
            not_before: time("nbf")?,
            issued_at: time("iat")?,
            id: text("jti")?.filter(|id| !id.is_empty()),
            jws,
        })
    }

    /// Whether it comes from a federated issuer: their `iss` is an https URL, that of a client a GUID.
    pub fn is_federated(&self) -> bool {
        self.issuer.starts_with("https://") || self.issuer.starts_with("http://")
    }

    /// The client id of a self-issued assertion (RFC 7523 §3: `iss` and `sub` are the client id), which must equal
    /// the `client_id` of the request, if there is one.
    pub fn own_client_id(&self, named: Option<&str>) -> Option<Uuid> {
        let id = parse_guid(&self.subject)?;
        let same = |text: &str| parse_guid(text) == Some(id);
        (same(&self.issuer) && named.is_none_or(same)).then_some(id)
    }

    /// The `iss` claim.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A text member of the header, such as `kid`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.jws.header(name).and_then(Value::as_str)
    }
}

fn text(claims: &Map<String, Value>, name: &str) -> Result<Option<String>, ()> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(()),
    }
}

/// A NumericDate, which may have a fraction (RFC 7519 §2).
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, ()> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    if let Some(seconds) = value.as_i64() {
        return Ok(Some(seconds));
    }
    let seconds = value
        .as_f64()
        .filter(|seconds| seconds.abs() <= LATEST)
        .ok_or(())?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is a whole number within the bounds of i64"
    )]
    Ok(Some(seconds.floor() as i64))
}

fn audience(claims: &Map<String, Value>) -> Option<Audience> {
    match claims.get("aud")? {
        Value::String(one) => Some(Audience::One(one.clone())),
        Value::Array(several) => {
            let texts = several.iter().map(|one| one.as_str().map(str::to_owned));
            Some(Audience::Several(texts.collect::<Option<_>>()?))
        }
        _ => None,
    }
}
