//! The identifier of an OpenID provider (OpenID Connect Core 1.0 section 1.2).

use std::fmt;

use url::{ParseError, Url};

/// A provider's issuer identifier. The text is kept beside the URL, as it is compared to the letter (OpenID Connect
/// Discovery 1.0 section 4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerUrl {
    text: String,
    url: Url,
}

impl IssuerUrl {
    /// An issuer identifier, which must be a URL.
    pub fn new(text: String) -> Result<Self, ParseError> {
        Ok(Self {
            url: Url::parse(&text)?,
            text,
        })
    }

    /// The identifier to the letter.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The parsed URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Where the provider's metadata is (OpenID Connect Discovery 1.0 section 4).
    pub(super) fn configuration(&self) -> Result<Url, ParseError> {
        let base = self.text.strip_suffix('/').unwrap_or(&self.text);
        Url::parse(&format!("{base}/.well-known/openid-configuration"))
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w05_an_issuer_is_kept_to_the_letter_and_its_metadata_is_below_it() {
        let cases = [
            ("https://login.example.org", "https://login.example.org/"),
            ("https://login.example.org/", "https://login.example.org/"),
            ("https://Login.example.org/a", "https://login.example.org/a/"),
            ("https://login.example.org/a/", "https://login.example.org/a/"),
        ];
        for (text, base) in cases {
            let issuer = IssuerUrl::new(text.to_owned()).unwrap();
            assert_eq!(issuer.as_str(), text);
            assert_eq!(issuer.to_string(), text);
            let expected = format!("{base}.well-known/openid-configuration");
            assert_eq!(issuer.configuration().unwrap().as_str(), expected);
        }
        assert!(IssuerUrl::new("login.example.org".to_owned()).is_err());
    }
}
