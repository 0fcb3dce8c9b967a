//! Bearer tokens in requests, and the challenge that refuses them (RFC 6750).

/// The token of an `Authorization` header (RFC 6750 §2.1); the scheme folds case (RFC 9110 §11.1).
pub fn parse(header: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(header).ok()?.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let good = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.bytes().all(in_alphabet);
    good.then_some(token)
}

/// Why a request with, or without, a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerError {
    /// RFC 6750 §3: no authentication was sent, so no code is told.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_header_is_the_scheme_and_one_token() {
        assert_eq!(parse(b"Bearer abc.DEF-_~+/="), Some("abc.DEF-_~+/="));
        assert_eq!(parse(b"bEARER  a"), Some("a"));
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
