//! The provider: its metadata and keys, cached for an hour, and the authorization code flow (OpenID Connect Core 1.0
//! section 3.1).

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use oauth2::{
    AccessToken, AuthType, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ExtraTokenFields, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    StandardRevocableToken, StandardTokenResponse, TokenResponse,
    basic::{
        BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::Url;

use super::{
    attempt::Attempt,
    claims::{Claims, UserInfo},
    id_token::{self, Expected, IdTokenError},
    issuer::IssuerUrl,
    json,
    jwks::NoKey,
    metadata::Metadata,
    outbound::{JSON, Outbound, OutboundError},
    refusal::{Refusal, with_causes},
};

const CALLBACK: &str = "/api/v1/session/openid/callback";
/// How long metadata and keys are cached.
const KEPT: Duration = Duration::from_secs(3600);
/// Least interval of requests when the provider does not answer, or the cached keys do not verify.
const ASKED_AGAIN: Duration = Duration::from_secs(5);

/// The provider's settings from configuration.
pub struct OpenIdSettings {
    /// Its issuer identifier, compared exactly.
    pub issuer: IssuerUrl,
    /// Our client id at the provider.
    pub client_id: String,
    /// Our client secret.
    pub client_secret: SecretString,
    /// The label of the page's button.
    pub name: String,
    /// Scopes requested besides `openid`.
    pub scopes: Vec<String>,
    /// Any of these values in `amr` proves multi-factor authentication (RFC 8176).
    pub accepted_amr: Vec<String>,
    /// Any of these values of `acr` proves multi-factor authentication; they are requested.
    pub accepted_acr: Vec<String>,
}

/// The ID token in the token response (section 3.1.3.3).
#[derive(Debug, Deserialize, Serialize)]
struct WithIdToken {
    id_token: Option<String>,
}

impl ExtraTokenFields for WithIdToken {}

type Tokens = StandardTokenResponse<WithIdToken, BasicTokenType>;
/// With an authorization endpoint and a token endpoint.
type RelyingParty = Client<
    BasicErrorResponse,
    Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Cached metadata, and when it was fetched.
struct Known {
    at: Duration,
    outcome: Result<Arc<Metadata>, String>,
}

/// The provider, with its cached metadata.
pub struct Provider {
    pub(super) settings: OpenIdSettings,
    callback: RedirectUrl,
    outbound: Outbound,
    known: Mutex<Option<Known>>,
}

/// The current time on both clocks.
#[derive(Clone, Copy)]
pub(super) struct Instant {
    pub(super) wall: DateTime<Utc>,
    pub(super) monotonic: Duration,
}

/// An authenticated identity, and the access token for further claims.
pub(super) struct Vouched {
    metadata: Arc<Metadata>,
    access_token: AccessToken,
    claims: Claims,
}

impl Vouched {
    /// The `sub` claim.
    pub(super) fn subject(&self) -> &str {
        &self.claims.sub
    }
}

/// The parameters of the authorization response (RFC 6749 section 4.1.2, RFC 9207).
#[derive(Default, Deserialize)]
pub(super) struct Callback {
    pub(super) state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

impl Provider {
    /// Makes no request yet: a provider that is down must not delay start-up. `public_url` is our own origin.
    pub fn new(settings: OpenIdSettings, public_url: &str) -> Result<Self, OutboundError> {
        Ok(Self {
            outbound: Outbound::new(settings.issuer.url().scheme() == "https")?,
            settings,
            callback: RedirectUrl::new(format!("{public_url}{CALLBACK}"))?,
            known: Mutex::new(None),
        })
    }

    /// Fetches metadata and keys now; to validate the configuration.
    pub async fn check(&self) -> Result<(), String> {
        self.discover().await.map(drop)
    }

    /// The authorization request's URL for this attempt (section 3.1.2.1).
    pub(super) async fn authorization_url(&self, attempt: &Attempt, now: Instant) -> Result<Url, Refusal> {
        let metadata = self.metadata(now, KEPT).await?;
        let client = self.client(&metadata);
        let verifier = PkceCodeVerifier::new(attempt.verifier.clone());
        let mut request = client
            .authorize_url(|| CsrfToken::new(attempt.state.clone()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_scope(Scope::new("openid".to_owned()))
            .add_scopes(self.settings.scopes.iter().cloned().map(Scope::new))
            .add_extra_param("nonce", &attempt.nonce);
        if !self.settings.accepted_acr.is_empty() {
            request = request.add_extra_param("acr_values", self.settings.accepted_acr.join(" "));
        }
        Ok(request.url().0)
    }

    /// Exchanges the code (section 3.1.3) and validates the ID token.
    pub(super) async fn identify(
        &self,
        attempt: Attempt,
        callback: Callback,
        now: Instant,
    ) -> Result<Vouched, Refusal> {
        let metadata = self.metadata(now, KEPT).await?;
        let code = self.code(callback, &metadata)?;
        let tokens = self
            .client(&metadata)
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier))
            .request_async(&self.outbound)
            .await
            .map_err(Refusal::caused)?;
        let claims = self.claims(&tokens, &attempt.nonce, (&metadata, now)).await?;
        self.require_several_factors(&claims)?;
        Ok(Vouched {
            metadata,
            access_token: tokens.access_token().clone(),
            claims,
        })
    }

    /// The claims of the ID token, if it is valid. If no key fits, the provider may have rotated them.
    async fn claims(
        &self,
        tokens: &Tokens,
        nonce: &str,
        (metadata, now): (&Metadata, Instant),
    ) -> Result<Claims, Refusal> {
        let id_token = tokens.extra_fields().id_token.as_ref();
        let id_token = id_token.ok_or_else(|| Refusal::failed("the answer has no ID token"))?;
        let expected = Expected {
            issuer: self.settings.issuer.as_str(),
            client_id: &self.settings.client_id,
            nonce,
            access_token: tokens.access_token().secret(),
            now: now.wall,
        };
        let claims = match id_token::validate(id_token, &metadata.keys, &expected) {
            Err(IdTokenError::Key(NoKey::Unknown)) => {
                let metadata = self.metadata(now, ASKED_AGAIN).await?;
                id_token::validate(id_token, &metadata.keys, &expected)
            }
            outcome => outcome,
        };
        claims.map_err(Refusal::caused)
    }

    /// The authorization code, if the response is this provider's (RFC 9207 section 2.4) and successful.
    fn code(&self, callback: Callback, metadata: &Metadata) -> Result<String, Refusal> {
        match callback.iss {
            Some(issuer) if issuer != self.settings.issuer.as_str() => {
                return Err(Refusal::failed("the answer names another issuer"));
            }
            None if metadata.authorization_response_iss_parameter_supported => {
                return Err(Refusal::failed("the answer does not name its issuer"));
            }
            _ => {}
        }
        if let Some(error) = callback.error {
            return Err(Refusal::failed(format!("the provider answered {error}")));
        }
        callback
            .code
            .ok_or_else(|| Refusal::failed("the answer has no code"))
    }

    fn require_several_factors(&self, claims: &Claims) -> Result<(), Refusal> {
        let mut methods = claims.amr.iter().flatten();
        let by_method = methods.any(|method| self.settings.accepted_amr.contains(method));
        let class = claims.acr.as_ref();
        if by_method || class.is_some_and(|class| self.settings.accepted_acr.contains(class)) {
            Ok(())
        } else {
            Err(Refusal::NoMfa)
        }
    }

    /// The e-mail address, if the provider has verified it. Some return it from the userinfo endpoint only (section
    /// 5.4), whose answer must be about the same subject (section 5.3.2).
    pub(super) async fn verified_email(&self, vouched: &Vouched) -> Result<Option<String>, Refusal> {
        let claims = &vouched.claims;
        if claims.email.email.is_some() {
            return Ok(claims.email.verified().map(str::to_owned));
        }
        let Some(endpoint) = &vouched.metadata.userinfo_endpoint else {
            return Ok(None);
        };
        let token = Some(&vouched.access_token);
        let body = self.outbound.get(endpoint, token, &[JSON]).await;
        let body = body.map_err(Refusal::caused)?;
        let info: UserInfo =
            json::parse(&body).map_err(|error| Refusal::failed(format!("userinfo: {error}")))?;
        if info.sub != claims.sub {
            return Err(Refusal::failed("Invalid subject: userinfo has another `sub`"));
        }
        Ok(info.email.verified().map(str::to_owned))
    }

    fn client(&self, metadata: &Metadata) -> RelyingParty {
        let secret = self.settings.client_secret.expose_secret().to_owned();
        Client::new(ClientId::new(self.settings.client_id.clone()))
            .set_client_secret(ClientSecret::new(secret))
            .set_auth_uri(metadata.authorization_endpoint.clone())
            .set_token_uri(metadata.token_endpoint.clone())
            .set_redirect_uri(self.callback.clone())
            .set_auth_type(if metadata.wants_secret_in_body() {
                AuthType::RequestBody
            } else {
                AuthType::BasicAuth
            })
    }

    /// Metadata not older than `oldest`; the lock merges concurrent requests into one.
    async fn metadata(&self, now: Instant, oldest: Duration) -> Result<Arc<Metadata>, Refusal> {
        let mut known = self.known.lock().await;
        let fresh = known.take().filter(|one| {
            let limit = if one.outcome.is_ok() { oldest } else { ASKED_AGAIN };
            now.monotonic.saturating_sub(one.at) < limit
        });
        let known = match fresh {
            Some(one) => known.insert(one),
            None => known.insert(Known {
                at: now.monotonic,
                outcome: self.discover().await.map(Arc::new),
            }),
        };
        known.outcome.clone().map_err(Refusal::failed)
    }

    async fn discover(&self) -> Result<Metadata, String> {
        let found = Metadata::discover(&self.settings.issuer, &self.outbound).await;
        found.map_err(|error| with_causes(&error))
    }
}
