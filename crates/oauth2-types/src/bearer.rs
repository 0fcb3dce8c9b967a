//! Access tokens in requests, as bearer tokens or with a DPoP proof, and the challenges of refusals (RFC 6750,
//! RFC 9449).

/// The authentication scheme of an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Whoever has the token may use it (RFC 6750 §2.1).
    Bearer,
    /// With a proof of possession of the key to which the token is bound (RFC 9449 §7.1).
    Dpop,
}

/// The token in an `Authorization` header; the scheme is case-insensitive (RFC 9110 §11.1).
pub fn presented(header: &[u8]) -> Option<(Scheme, &str)> {
    let (scheme, token) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    let scheme = match scheme {
        name if name.eq_ignore_ascii_case("bearer") => Scheme::Bearer,
        name if name.eq_ignore_ascii_case("dpop") => Scheme::Dpop,
        _ => return None,
    };
    let token = token.trim_start_matches(' ');
    let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    (!token.is_empty() && token.bytes().all(in_alphabet)).then_some((scheme, token))
}

/// The token in an `Authorization: Bearer` header.
pub fn parse(header: &[u8]) -> Option<&str> {
    let (scheme, token) = presented(header)?;
    (scheme == Scheme::Bearer).then_some(token)
}

/// Why a request with a bearer token, or without one, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerError {
    /// RFC 6750 §3: no authentication was sent, so the challenge has no error code.
    Missing,
    /// RFC 6750 §3.1: the token is malformed, expired, revoked or not for this resource.
    InvalidToken,
    /// RFC 6750 §3.1: the token lacks a role.
    InsufficientScope,
}

impl BearerError {
    /// The `WWW-Authenticate` header.
    pub fn challenge(self) -> &'static str {
        match self {
            Self::Missing => "Bearer",
            Self::InvalidToken => r#"Bearer error="invalid_token""#,
            Self::InsufficientScope => r#"Bearer error="insufficient_scope""#,
        }
    }
}

/// Why a request with a DPoP-bound token, or without one, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopError {
    /// No authentication was sent, so the challenge has no error code.
    Missing,
    /// RFC 9449 §7.1: as for a bearer token, or it is not bound to the proof's key.
    InvalidToken,
    /// RFC 9449 §7.1: the proof is missing or invalid for this request.
    InvalidProof,
}

impl DpopError {
    /// The `WWW-Authenticate` header.
    pub fn challenge(self) -> &'static str {
        match self {
            Self::Missing => r#"DPoP algs="ES256 PS256 EdDSA""#,
            Self::InvalidToken => r#"DPoP error="invalid_token", algs="ES256 PS256 EdDSA""#,
            Self::InvalidProof => r#"DPoP error="invalid_dpop_proof", algs="ES256 PS256 EdDSA""#,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_header_is_the_scheme_and_one_token() {
        assert_eq!(parse(b"Bearer abc.DEF-_~+/="), Some("abc.DEF-_~+/="));
        assert_eq!(parse(b"bEARER  a"), Some("a"));
        assert_eq!(presented(b"dPoP a"), Some((Scheme::Dpop, "a")));
        assert_eq!(parse(b"DPoP a"), None, "a bound token is no bearer token");
        for bad in [
            "",
            "Bearer",
            "Bearer ",
            "Basic abc",
            "Bearer a b",
            "Bearer a,b",
            "Bearer \u{e9}",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(parse(b"Bearer \xff"), None);
    }
}
