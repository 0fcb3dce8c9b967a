//! The validation of an ID token (OpenID Connect Core 1.0 section 3.1.3.7).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, crypto};
use ring::digest::{self, SHA256, SHA384, SHA512, digest};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    claims::Claims,
    json::{self, JsonError},
    jwks::{Jwks, NoKey},
};

type Hash = &'static digest::Algorithm;

/// Tolerance of `iat`, as the token was issued just now.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// Asymmetric algorithms only, each with its hash: no `none`, and no HMAC, which anybody with the client secret could
/// sign.
static ALGORITHMS: [(Algorithm, Hash); 7] = [
    (Algorithm::RS256, &SHA256),
    (Algorithm::RS384, &SHA384),
    (Algorithm::RS512, &SHA512),
    (Algorithm::PS256, &SHA256),
    (Algorithm::ES256, &SHA256),
    (Algorithm::ES384, &SHA384),
    (Algorithm::EdDSA, &SHA512),
];
/// Header parameters of extensions, encrypted and nested tokens (RFC 7515 sections 4.1.10 and 4.1.11, RFC 7516 section
/// 4.1.2, RFC 7797).
const REFUSED: [&str; 4] = ["crit", "b64", "enc", "cty"];
/// Media types of a JWT, without `application/` (RFC 7519 section 5.1, RFC 7515 section 4.1.9).
const TYPES: [&str; 2] = ["jwt", "jose"];

/// Why an ID token is refused; the text is for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum IdTokenError {
    #[error("Invalid JSON web token: found {0} parts (expected 3)")]
    Parts(usize),
    #[error("Invalid base64url encoding")]
    Encoding(#[from] base64::DecodeError),
    #[error("Failed to parse the JSON web token")]
    Json(#[from] JsonError),
    #[error("Unsupported: the JWT header parameter `{0}`")]
    Header(&'static str),
    #[error("Unsupported: the JWT type `{0}`")]
    Type(String),
    #[error("No signature found")]
    NoSignature,
    #[error("Disallowed signature algorithm: `{0}`")]
    Algorithm(String),
    #[error(transparent)]
    Key(#[from] NoKey),
    #[error("Crypto error: bad signature")]
    Signature,
    #[error("Invalid issuer: `{0}`")]
    Issuer(String),
    #[error("Invalid audiences: must contain `{0}`")]
    NotForUs(String),
    #[error("Invalid audiences: `{0}` is not a trusted audience")]
    FurtherAudience(String),
    #[error("the authorized party is another client")]
    AuthorizedParty,
    #[error("Expired: ID token expired at {0}")]
    Expired(DateTime<Utc>),
    #[error("Expired: issued too long ago, or in the future")]
    NotFresh,
    #[error("Invalid nonce: missing nonce claim")]
    NoNonce,
    #[error("Invalid nonce: nonce mismatch")]
    Nonce,
    #[error("at_hash is not that of the access token")]
    AccessTokenHash,
}

/// What an ID token is validated against.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) access_token: &'a str,
    pub(super) now: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Header {
    /// The signature's algorithm and its hash, if the header asks for nothing else.
    fn algorithm(&self) -> Result<(Algorithm, Hash), IdTokenError> {
        if let Some(name) = REFUSED.into_iter().find(|name| self.others.contains_key(*name)) {
            return Err(IdTokenError::Header(name));
        }
        let typ = self.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
        if !TYPES.contains(&typ.strip_prefix("application/").unwrap_or(&typ)) {
            return Err(IdTokenError::Type(typ));
        }
        if self.alg == "none" {
            return Err(IdTokenError::NoSignature);
        }
        let named = self.alg.parse().ok();
        let allowed = ALGORITHMS.iter().find(|(one, _)| Some(*one) == named);
        allowed
            .copied()
            .ok_or_else(|| IdTokenError::Algorithm(self.alg.clone()))
    }
}

/// The claims of a valid ID token.
pub(super) fn validate(token: &str, keys: &Jwks, expected: &Expected<'_>) -> Result<Claims, IdTokenError> {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        return Err(IdTokenError::Parts(parts.len()));
    };
    let signed = &token[..header.len() + 1 + payload.len()];
    let header: Header = json::parse(&URL_SAFE_NO_PAD.decode(header)?)?;
    let (algorithm, hash) = header.algorithm()?;
    let key = keys.find(header.kid.as_deref(), algorithm)?;
    if !crypto::verify(signature, signed.as_bytes(), key, algorithm).unwrap_or(false) {
        return Err(IdTokenError::Signature);
    }
    let claims: Claims = json::parse(&URL_SAFE_NO_PAD.decode(payload)?)?;
    expected.require_parties(&claims)?;
    expected.require_current(&claims)?;
    expected.require_nonce(&claims)?;
    expected.require_access_token(&claims, hash)?;
    Ok(claims)
}

impl Expected<'_> {
    /// Steps 2 to 5: no audience beside us is trusted.
    fn require_parties(&self, claims: &Claims) -> Result<(), IdTokenError> {
        if claims.iss != self.issuer {
            return Err(IdTokenError::Issuer(claims.iss.clone()));
        }
        let audiences = claims.aud.all();
        if !audiences.iter().any(|audience| audience == self.client_id) {
            return Err(IdTokenError::NotForUs(self.client_id.to_owned()));
        }
        if let Some(other) = audiences.iter().find(|audience| *audience != self.client_id) {
            return Err(IdTokenError::FurtherAudience(other.clone()));
        }
        match &claims.azp {
            Some(party) if party != self.client_id => Err(IdTokenError::AuthorizedParty),
            _ => Ok(()),
        }
    }

    /// Steps 9 and 10.
    fn require_current(&self, claims: &Claims) -> Result<(), IdTokenError> {
        if self.now >= claims.exp {
            return Err(IdTokenError::Expired(claims.exp));
        }
        if (self.now - claims.iat).abs() >= FRESH {
            return Err(IdTokenError::NotFresh);
        }
        Ok(())
    }

    /// Step 11. Digests are compared, so that the time tells nothing of the nonce.
    fn require_nonce(&self, claims: &Claims) -> Result<(), IdTokenError> {
        let nonce = claims.nonce.as_ref().ok_or(IdTokenError::NoNonce)?;
        let digest = |text: &str| digest(&SHA256, text.as_bytes());
        if digest(nonce).as_ref() == digest(self.nonce).as_ref() {
            Ok(())
        } else {
            Err(IdTokenError::Nonce)
        }
    }

    /// Section 3.1.3.8: `at_hash` is optional in this flow.
    fn require_access_token(&self, claims: &Claims, hash: Hash) -> Result<(), IdTokenError> {
        match &claims.at_hash {
            Some(expected) if *expected != at_hash(self.access_token, hash) => {
                Err(IdTokenError::AccessTokenHash)
            }
            _ => Ok(()),
        }
    }
}

/// The left half of the access token's hash (section 3.1.3.6).
fn at_hash(access_token: &str, hash: Hash) -> String {
    let hashed = digest(hash, access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(&hashed.as_ref()[..hash.output_len() / 2])
}

#[cfg(test)]
#[path = "tests/id_token.rs"]
mod tests;
