//! Client assertions (RFC 7523 §3, draft-ietf-oauth-rfc7523bis): JWTs by which a client proves a key, or by which somebody
//! else speaks for it. Reading one proves nothing; [`crate::authentication::prove`] does.

use jose::{Jws, JwsError, strict_json};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::resource::parse_guid;

/// Numbers beyond this are no times, and are not exact in JSON either.
const LATEST: f64 = 9_007_199_254_740_991.0;

/// Why a text is no assertion that can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadableAssertion {
    /// No JWS, repeated members, or claims of the wrong type.
    Malformed,
    /// `typ` says that it is a JWT for something else.
    Type,
    /// An algorithm that is never accepted.
    Algorithm,
}

/// Whom an assertion is meant for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

/// A client assertion, read and not yet believed.
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
    /// Reads a compact JWS with the claims of RFC 7523 §3: numbers are numbers, texts are texts, and nothing stands twice.
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

    /// Whether somebody else than the client signed it: issuers of federated identities are https URLs, clients are GUIDs.
    pub fn is_federated(&self) -> bool {
        self.issuer.starts_with("https://") || self.issuer.starts_with("http://")
    }

    /// The client that it speaks of by itself (RFC 7523 §3: `iss` and `sub` are the client id), which must be the one that
    /// the request names, if it names any.
    pub fn own_client_id(&self, named: Option<&str>) -> Option<Uuid> {
        let id = parse_guid(&self.subject)?;
        let same = |text: &str| parse_guid(text) == Some(id);
        (same(&self.issuer) && named.is_none_or(same)).then_some(id)
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A member of the header that is text, such as the key's name.
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
