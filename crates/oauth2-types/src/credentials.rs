//! Client credentials in the `Authorization: Basic` header (RFC 6749 §2.3.1, RFC 7617).

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::form;

/// A client id and secret as presented; not verified.
pub struct PresentedCredentials {
    /// The client identifier.
    pub client_id: String,
    /// The secret; empty when none was sent.
    pub client_secret: String,
}

/// Why an `Authorization` header cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BasicError {
    /// Another scheme, such as Bearer or Digest.
    #[error("the Authorization header must use the Basic scheme")]
    Scheme,
    /// Not base64, not UTF-8, or without a colon.
    #[error("the Basic credentials must be base64 of client id, colon, client secret")]
    Malformed,
}

/// Parses a Basic header. Id and secret are form-decoded as RFC 6749 §2.3.1 demands; clients that omit the encoding
/// work too, since issued ids and secrets hold no character that decoding would change.
pub fn parse_basic(header: &[u8]) -> Result<PresentedCredentials, BasicError> {
    let header = std::str::from_utf8(header).map_err(|_| BasicError::Malformed)?;
    let (scheme, encoded) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(BasicError::Scheme);
    }
    let decoded = STANDARD
        .decode(encoded.trim_start_matches(' '))
        .map_err(|_| BasicError::Malformed)?;
    let text = String::from_utf8(decoded).map_err(|_| BasicError::Malformed)?;
    let (id, secret) = text.split_once(':').ok_or(BasicError::Malformed)?;
    if text.contains('\0') {
        return Err(BasicError::Malformed);
    }
    Ok(PresentedCredentials {
        client_id: decode_or_raw(id),
        client_secret: decode_or_raw(secret),
    })
}

fn decode_or_raw(text: &str) -> String {
    form::decode(text.as_bytes()).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a01_scheme_folds_case_and_the_first_colon_splits() {
        let basic = format!("bAsIc {}", STANDARD.encode("id:se:cret%41"));
        let parsed = parse_basic(basic.as_bytes()).unwrap();
        assert_eq!(
            (parsed.client_id.as_str(), parsed.client_secret.as_str()),
            ("id", "se:cretA")
        );
    }

    #[test]
    fn a01_a06_malformed_headers_are_named() {
        for malformed in [
            "Basic",
            "Basic !!!",
            "Basic aWQ=",
            "Basic aWQ6cw",
            "Basic gICAgA==",
        ] {
            assert_eq!(
                parse_basic(malformed.as_bytes()).err(),
                Some(BasicError::Malformed),
                "{malformed}"
            );
        }
        assert_eq!(parse_basic(b"Bearer x").err(), Some(BasicError::Scheme));
        assert_eq!(parse_basic(b"Digest x").err(), Some(BasicError::Scheme));
    }
}
