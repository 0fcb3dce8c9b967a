//! A parsed compact JWS (RFC 7515 §3.1). Nothing in it is trusted before its signature is verified.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth2_types::algorithm::Algorithm;
use serde_json::{Map, Value};

use crate::{
    algorithm,
    public_key::PublicKey,
    strict_json::{self, NotStrict},
};

/// Why a text can't be parsed as a JWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Not three base64url parts, of which the first is a JSON object.
    #[error("it is no compact JWS")]
    Malformed,
    /// A header member is repeated.
    #[error("its header repeats a member")]
    Repeated,
    /// `crit` or `b64`: no extension is supported (RFC 7515 §4.1.11).
    #[error("its header has a critical extension")]
    Critical,
    /// An `alg` that is no [`Algorithm`], such as `none` and every HMAC.
    #[error("its algorithm is not accepted")]
    Algorithm,
}

/// A JWS with its header. `jwk`, `jku`, `x5u` and `x5c` are ignored (RFC 8725 §3.10): the caller decides which keys
/// are trusted.
pub struct Jws<'a> {
    /// The `alg` of the header.
    pub algorithm: Algorithm,
    /// The signed bytes, usually JSON.
    pub payload: Vec<u8>,
    header: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Parses a compact JWS.
    pub fn parse(text: &'a str) -> Result<Self, JwsError> {
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(JwsError::Malformed);
        };
        let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Malformed);
        let fields = strict_json::read(&decode(header)?).map_err(|error| match error {
            NotStrict::Repeated => JwsError::Repeated,
            NotStrict::Malformed | NotStrict::Mismatch => JwsError::Malformed,
        })?;
        if fields.contains_key("crit") || fields.contains_key("b64") {
            return Err(JwsError::Critical);
        }
        if fields.contains_key("enc") {
            return Err(JwsError::Malformed);
        }
        let algorithm = fields.get("alg").and_then(Value::as_str);
        Ok(Self {
            algorithm: algorithm.and_then(algorithm::named).ok_or(JwsError::Algorithm)?,
            payload: decode(payload)?,
            signed: &text[..header.len() + 1 + payload.len()],
            signature: decode(signature)?,
            header: fields,
        })
    }

    /// A header member.
    pub fn header(&self, name: &str) -> Option<&Value> {
        self.header.get(name)
    }

    /// Whether `typ` is this media type, with or without `application/` and in any case (RFC 7515 §4.1.9).
    pub fn has_type(&self, expected: &str) -> bool {
        let Some(typ) = self.header("typ").and_then(Value::as_str) else {
            return false;
        };
        let short = match typ.split_at_checked("application/".len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case("application/") => rest,
            _ => typ,
        };
        short.eq_ignore_ascii_case(expected)
    }

    /// Whether the signature verifies under the key, which must fit the algorithm.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verify(self.algorithm, self.signed.as_bytes(), &self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(header: &str) -> Result<Algorithm, JwsError> {
        let text = format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header));
        Jws::parse(&text).map(|jws| jws.algorithm)
    }

    #[test]
    fn j04_a_header_is_judged_before_anything_else() {
        assert_eq!(parsed(r#"{"alg":"ES256"}"#), Ok(Algorithm::ES256));
        assert_eq!(parsed(r#"{"alg":"Ed25519"}"#), Ok(Algorithm::EdDSA));
        let refused = [
            (r#"{"alg":"none"}"#, JwsError::Algorithm),
            (r#"{"alg":"HS256"}"#, JwsError::Algorithm),
            (r#"{"alg":"Ed448"}"#, JwsError::Algorithm),
            (r#"{"alg":["ES256"]}"#, JwsError::Algorithm),
            ("{}", JwsError::Algorithm),
            (r#"{"alg":"ES256","alg":"none"}"#, JwsError::Repeated),
            (r#"{"alg":"ES256","crit":["exp"]}"#, JwsError::Critical),
            (r#"{"alg":"ES256","b64":true}"#, JwsError::Critical),
            (r#"{"alg":"ES256","enc":"A128GCM"}"#, JwsError::Malformed),
            ("[]", JwsError::Malformed),
        ];
        for (header, error) in refused {
            assert_eq!(parsed(header), Err(error), "{header}");
        }
        for text in [
            "",
            "a",
            "e30.e30",
            "e30.e30.AA.AA",
            "e30=.e30.AA",
            "eyJhbGciOiJFUzI1NiJ9.e30.A*",
        ] {
            assert_eq!(Jws::parse(text).err(), Some(JwsError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_type_is_a_media_type_in_any_case() {
        let text = format!(
            "{}.e30.AA",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"Application/DPoP+JWT"}"#)
        );
        let jws = Jws::parse(&text).unwrap();
        assert!(jws.has_type("dpop+jwt") && !jws.has_type("jwt"));
    }
}
