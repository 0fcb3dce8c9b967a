//! Trusted issuers and the `typ` of their tokens.

/// A trusted issuer, with the `typ` of its tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    pub(crate) url: String,
    pub(crate) typ: &'static str,
}

impl Issuer {
    /// Tokens of `/oauth2/token` (RFC 9068); `public_url` is the server's origin.
    pub fn standard(public_url: &str) -> Self {
        Self {
            url: origin_only(public_url).to_owned(),
            typ: "at+jwt",
        }
    }

    /// Tokens of `/{tenant}/oauth2/token`.
    pub fn entra_v1(public_url: &str, tenant: &str) -> Self {
        Self {
            url: format!("{}/{tenant}/", origin_only(public_url)),
            typ: "JWT",
        }
    }

    /// Tokens of `/{tenant}/oauth2/v2.0/token`.
    pub fn entra_v2(public_url: &str, tenant: &str) -> Self {
        Self {
            url: format!("{}/{tenant}/v2.0", origin_only(public_url)),
            typ: "JWT",
        }
    }

    /// All three issuers of a server, as its clients choose the endpoint.
    pub fn all(public_url: &str, tenant: &str) -> Vec<Self> {
        vec![
            Self::standard(public_url),
            Self::entra_v1(public_url, tenant),
            Self::entra_v2(public_url, tenant),
        ]
    }

    /// The URL of its metadata (OpenID Connect Discovery 1.0 §4).
    pub(crate) fn metadata_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", origin_only(&self.url))
    }

    /// Whether a URL is at the issuer's origin: its JWKS and status lists are fetched from nowhere else.
    pub(crate) fn owns(&self, address: &str) -> bool {
        let host_at = self.url.find("://").map_or(0, |at| at + 3);
        let end = self.url[host_at..]
            .find('/')
            .map_or(self.url.len(), |at| host_at + at);
        address
            .strip_prefix(&self.url[..end])
            .is_some_and(|path| path.starts_with('/'))
    }

    /// https, or http on this machine.
    pub(crate) fn is_secure(&self) -> bool {
        let Some(rest) = self.url.strip_prefix("http://") else {
            return self.url.starts_with("https://");
        };
        let authority = rest.split('/').next().unwrap_or_default();
        ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
            authority
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        })
    }
}

fn origin_only(url: &str) -> &str {
    url.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_at_the_origin_belong_to_an_issuer() {
        let issuer = Issuer::entra_v2("https://auth.example.org", "t");
        assert!(issuer.owns("https://auth.example.org/oauth2/jwks"));
        for foreign in [
            "https://auth.example.org.evil.net/",
            "http://auth.example.org/x",
            "https://other.org/",
        ] {
            assert!(!issuer.owns(foreign), "{foreign}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for good in [
            "https://a.example",
            "http://127.0.0.1:80",
            "http://localhost",
            "http://[::1]:8080",
        ] {
            assert!(Issuer::standard(good).is_secure(), "{good}");
        }
        for bad in [
            "http://a.example",
            "http://localhost.evil.net",
            "ftp://a",
            "http://127.0.0.1.evil.net",
        ] {
            assert!(!Issuer::standard(bad).is_secure(), "{bad}");
        }
    }
}
