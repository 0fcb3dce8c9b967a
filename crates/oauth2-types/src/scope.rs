//! Scope (RFC 6749 §3.3): a space-separated list of case-sensitive tokens.

/// The scope has a character that RFC 6749 §3.3 forbids.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is a list of tokens of printable ASCII, separated by single spaces")]
pub struct MalformedScope;

/// Splits a scope into its tokens, in order; duplicates are dropped.
pub fn parse(scope: &str) -> Result<Vec<&str>, MalformedScope> {
    let mut tokens = Vec::new();
    for token in scope.split(' ') {
        if !is_scope_token(token) {
            return Err(MalformedScope);
        }
        if !tokens.contains(&token) {
            tokens.push(token);
        }
    }
    Ok(tokens)
}

/// Whether this is a `scope-token`: one or more of %x21 / %x23-5B / %x5D-7E.
pub fn is_scope_token(token: &str) -> bool {
    !token.is_empty()
        && token
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t10_only_the_characters_of_the_standard_pass() {
        assert_eq!(parse("a b a"), Ok(vec!["a", "b"]));
        for bad in ["a  b", " a", "a\"", "a\\b", "é", "a\tb", "a\u{7f}"] {
            assert_eq!(parse(bad), Err(MalformedScope), "{bad:?}");
        }
    }
}
