//! The provider's metadata and keys (OpenID Connect Discovery 1.0 sections 3 and 4).

use oauth2::{AuthUrl, TokenUrl};
use serde::{Deserialize, de::IgnoredAny};
use url::Url;

use super::{
    issuer::IssuerUrl,
    json::{self, JsonError},
    jwks::Jwks,
    outbound::{JSON, Outbound, OutboundError},
};

const JWK_SET: &str = "application/jwk-set+json";

/// Why the provider's metadata is not known; the text is for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiscoveryError {
    #[error("Failed to parse URL")]
    Url(#[from] url::ParseError),
    #[error("Request failed")]
    Request(#[from] OutboundError),
    #[error("Failed to parse server response")]
    Parse(#[from] JsonError),
    #[error("Validation error: unexpected issuer URI `{found}` (expected `{expected}`)")]
    Issuer { found: String, expected: String },
}

/// The provider's metadata, with the required members of section 3.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: AuthUrl,
    pub(super) token_endpoint: TokenUrl,
    pub(super) userinfo_endpoint: Option<Url>,
    jwks_uri: Url,
    #[serde(rename = "response_types_supported")]
    _response_types: Vec<IgnoredAny>,
    #[serde(rename = "subject_types_supported")]
    _subject_types: Vec<IgnoredAny>,
    #[serde(rename = "id_token_signing_alg_values_supported")]
    _id_token_algorithms: Vec<IgnoredAny>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207 section 3.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
    #[serde(skip)]
    pub(super) keys: Jwks,
}

impl Metadata {
    /// Fetches the metadata of this issuer, and its keys.
    pub(super) async fn discover(issuer: &IssuerUrl, outbound: &Outbound) -> Result<Self, DiscoveryError> {
        let body = outbound.get(&issuer.configuration()?, None, &[JSON]).await?;
        let mut metadata = Self::parse(&body, issuer)?;
        let body = outbound.get(&metadata.jwks_uri, None, &[JSON, JWK_SET]).await?;
        metadata.keys = Jwks::parse(&body)?;
        Ok(metadata)
    }

    /// Parses metadata, which must be this issuer's to the letter (section 4.3).
    fn parse(text: &[u8], issuer: &IssuerUrl) -> Result<Self, DiscoveryError> {
        let metadata: Self = json::parse(text)?;
        if metadata.issuer == issuer.as_str() {
            Ok(metadata)
        } else {
            Err(DiscoveryError::Issuer {
                found: metadata.issuer,
                expected: issuer.to_string(),
            })
        }
    }

    /// Whether the client secret is sent in the body, as `client_secret_basic` is not supported (section 3).
    pub(super) fn wants_secret_in_body(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_ref();
        let supports = |name| methods.is_some_and(|methods| methods.iter().any(|method| method == name));
        supports("client_secret_post") && !supports("client_secret_basic")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://login.example.org";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://login.example.org/authorize",
            "token_endpoint": "https://login.example.org/token",
            "jwks_uri": "https://login.example.org/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
    }

    fn parse(document: &Value) -> Result<Metadata, DiscoveryError> {
        let issuer = IssuerUrl::new(ISSUER.to_owned()).unwrap();
        Metadata::parse(document.to_string().as_bytes(), &issuer)
    }

    #[test]
    fn w05_metadata_is_that_of_the_issuer_to_the_letter() {
        parse(&document()).unwrap();
        for other in [
            "https://login.example.org/",
            "https://LOGIN.example.org",
            "http://login.example.org",
        ] {
            let mut document = document();
            document["issuer"] = other.into();
            let refused = parse(&document).unwrap_err();
            assert!(matches!(refused, DiscoveryError::Issuer { .. }), "{other}");
        }
    }

    #[test]
    fn w05_a_required_member_of_the_metadata_is_missed_by_name() {
        for (name, _) in document().as_object().unwrap() {
            let mut document = document();
            document.as_object_mut().unwrap().remove(name);
            let Err(DiscoveryError::Parse(error)) = parse(&document) else {
                panic!("{name} is required");
            };
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn the_client_secret_is_in_the_body_only_if_the_header_is_not_supported() {
        let wants = |methods: Value| {
            let mut document = document();
            document["token_endpoint_auth_methods_supported"] = methods;
            parse(&document).unwrap().wants_secret_in_body()
        };
        assert!(!parse(&document()).unwrap().wants_secret_in_body());
        assert!(!wants(json!(["client_secret_basic", "client_secret_post"])));
        assert!(!wants(json!(["private_key_jwt"])));
        assert!(wants(json!(["client_secret_post", "private_key_jwt"])));
    }
}
