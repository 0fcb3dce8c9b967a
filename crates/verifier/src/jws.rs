//! A compact JWS (RFC 7515 §3.1): checks its header, and verifies its signature with a key of the same algorithm.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jose::strict_json;
use jsonwebtoken::crypto;
use oauth2_types::algorithm::Algorithm;
use serde_json::Value;

use crate::{Rejection, keys::Key};

/// A parsed token; nothing in it is trusted before [`Jws::verify`].
#[derive(Debug)]
pub(crate) struct Jws<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: String,
    pub(crate) payload: Vec<u8>,
    typ: String,
    signed: &'a str,
    signature: &'a str,
}

impl<'a> Jws<'a> {
    /// Parses a token. `jwk`, `jku`, `x5u` and `x5c` are ignored: only the issuer's JWKS is trusted.
    pub(crate) fn parse(token: &'a str) -> Result<Self, Rejection> {
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Rejection::Malformed);
        };
        let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::Malformed);
        let fields = strict_json::read(&decode(header)?)?;
        if fields.get("crit").is_some() || fields.get("b64").is_some() {
            return Err(Rejection::Critical);
        }
        if fields.get("enc").is_some() {
            return Err(Rejection::Malformed);
        }
        let text = |name| fields.get(name).and_then(Value::as_str);
        Ok(Self {
            algorithm: text("alg")
                .and_then(|name| name.parse().ok())
                .ok_or(Rejection::Algorithm)?,
            kid: text("kid").ok_or(Rejection::UnknownKey)?.to_owned(),
            typ: text("typ").ok_or(Rejection::Type)?.to_ascii_lowercase(),
            payload: decode(payload)?,
            signed: &token[..header.len() + 1 + payload.len()],
            signature,
        })
    }

    /// Whether `typ` is this media type, with or without `application/` (RFC 7515 §4.1.9).
    pub(crate) fn has_type(&self, expected: &str) -> Result<(), Rejection> {
        let short = self.typ.strip_prefix("application/").unwrap_or(&self.typ);
        if short.eq_ignore_ascii_case(expected) {
            Ok(())
        } else {
            Err(Rejection::Type)
        }
    }

    /// Verifies the signature. A key is for one algorithm only.
    pub(crate) fn verify(&self, key: &Key) -> Result<(), Rejection> {
        if key.algorithm != self.algorithm {
            return Err(Rejection::Algorithm);
        }
        match crypto::verify(
            self.signature,
            self.signed.as_bytes(),
            &key.decoding,
            key.algorithm.into(),
        ) {
            Ok(true) => Ok(()),
            _ => Err(Rejection::Signature),
        }
    }
}
