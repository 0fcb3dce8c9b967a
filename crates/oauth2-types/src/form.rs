//! Strict parsing of `application/x-www-form-urlencoded` bodies (RFC 6749 Appendix B): unlike the WHATWG
//! algorithm it refuses bad percent-encoding, bad UTF-8 and NUL instead of guessing.

use percent_encoding::percent_decode;

/// Why a body is not a form.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A `%` that two hexadecimal digits do not follow.
    #[error("a percent sign is not followed by two hexadecimal digits")]
    PercentEncoding,
    /// Decoded octets that are not UTF-8.
    #[error("the parameters are not UTF-8")]
    NotUtf8,
    /// A NUL character.
    #[error("a parameter contains a NUL character")]
    Nul,
}

/// Splits a form into decoded pairs, in order.
pub fn parse(body: &[u8]) -> Result<Vec<(String, String)>, FormError> {
    body.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let value = pair.get(at + 1..).unwrap_or_default();
            Ok((decode(&pair[..at])?, decode(value)?))
        })
        .collect()
}

/// Decodes one name or value: `+` is a space, `%xx` an octet, the whole UTF-8.
pub fn decode(text: &[u8]) -> Result<String, FormError> {
    if !well_formed(text) {
        return Err(FormError::PercentEncoding);
    }
    let octets = if text.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        let spaced: Vec<u8> = text
            .iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect();
        percent_decode(&spaced).collect()
    } else {
        text.to_vec()
    };
    let decoded = String::from_utf8(octets).map_err(|_| FormError::NotUtf8)?;
    if decoded.contains('\0') {
        Err(FormError::Nul)
    } else {
        Ok(decoded)
    }
}

fn well_formed(text: &[u8]) -> bool {
    text.iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .all(|(at, _)| {
            text.get(at + 1..at + 3)
                .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_decodes_plus_and_percent_and_keeps_repetitions() {
        let pairs = parse(b"a=1+2&a=%C3%A9&empty=&flag&&b=x%3Dy").unwrap();
        let expected = [
            ("a", "1 2"),
            ("a", "é"),
            ("empty", ""),
            ("flag", ""),
            ("b", "x=y"),
        ]
        .map(|(k, v)| (k.into(), v.into()));
        assert_eq!(pairs, expected);
    }

    #[test]
    fn t12_bad_encoding_is_refused() {
        assert_eq!(parse(b"a=%"), Err(FormError::PercentEncoding));
        assert_eq!(parse(b"a=%4"), Err(FormError::PercentEncoding));
        assert_eq!(parse(b"a=%zz"), Err(FormError::PercentEncoding));
        assert_eq!(parse(b"a=%ff"), Err(FormError::NotUtf8));
        assert_eq!(parse(b"a=\xff"), Err(FormError::NotUtf8));
        assert_eq!(parse(b"a=%00"), Err(FormError::Nul));
    }
}
