//! The provider: its metadata and JWKS, cached for an hour, and the validation of ID tokens (OpenID Connect Core 1.0
//! section 3.1.3.7).

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::{
    AccessTokenHash, AdditionalProviderMetadata, AuthType, AuthenticationContextClass, AuthorizationCode,
    ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    ProviderMetadata, RedirectUrl, Scope, SignatureVerificationError, TokenResponse,
    core::{
        CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient,
        CoreClientAuthMethod, CoreGrantType, CoreIdTokenClaims, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
        CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse, CoreUserInfoClaims,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::Url;

use super::{
    attempt::Attempt,
    outbound::{Outbound, OutboundError},
    refusal::{Refusal, with_causes},
};

const CALLBACK: &str = "/api/v1/session/openid/callback";
/// How long metadata and keys are cached.
const KEPT: Duration = Duration::from_secs(3600);
/// Least interval of requests when the provider does not answer, or the cached keys do not verify.
const ASKED_AGAIN: Duration = Duration::from_secs(5);
/// Tolerance of an ID token's `iat`, as it was issued just now.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// Asymmetric algorithms only: no `none`, and no HMAC, which anybody with the client secret could sign.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 7] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

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

/// Metadata that the library does not parse.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Extra {
    /// RFC 9207 section 3.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Extra {}

type Metadata = ProviderMetadata<
    Extra,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;
type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
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
    client: Client,
    tokens: CoreTokenResponse,
    claims: CoreIdTokenClaims,
}

impl Vouched {
    /// The `sub` claim.
    pub(super) fn subject(&self) -> &str {
        self.claims.subject()
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
        let callback = format!("{public_url}{}", CALLBACK);
        let callback = RedirectUrl::new(callback).map_err(|_| OutboundError::TooLong)?;
        Ok(Self {
            outbound: Outbound::new(settings.issuer.url().scheme() == "https")?,
            settings,
            callback,
            known: Mutex::new(None),
        })
    }

    /// Fetches metadata and keys now; to validate the configuration.
    pub async fn check(&self) -> Result<(), String> {
        self.discover().await.map(drop)
    }

    /// The authorization request's URL for this attempt.
    pub(super) async fn authorization_url(&self, attempt: &Attempt, now: Instant) -> Result<Url, Refusal> {
        let metadata = self.metadata(now, KEPT).await?;
        let client = self.client(&metadata);
        let verifier = PkceCodeVerifier::new(attempt.verifier.clone());
        let (state, nonce) = (attempt.state.clone(), attempt.nonce.clone());
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || CsrfToken::new(state),
                || Nonce::new(nonce),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        for scope in &self.settings.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        for acr in &self.settings.accepted_acr {
            request = request.add_auth_context_value(AuthenticationContextClass::new(acr.clone()));
        }
        Ok(request.url().0)
    }

    /// Exchanges the code and validates the ID token.
    pub(super) async fn identify(
        &self,
        attempt: Attempt,
        callback: Callback,
        now: Instant,
    ) -> Result<Vouched, Refusal> {
        let metadata = self.metadata(now, KEPT).await?;
        let code = self.code(callback, &metadata)?;
        let nonce = Nonce::new(attempt.nonce);
        let client = self.client(&metadata);
        let tokens: CoreTokenResponse = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(Refusal::caused)?
            .set_pkce_verifier(PkceCodeVerifier::new(attempt.verifier))
            .request_async(&self.outbound)
            .await
            .map_err(Refusal::caused)?;
        let claims = match verified(&client, &tokens, &nonce, now.wall) {
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                // The provider may have rotated its keys.
                let metadata = self.metadata(now, ASKED_AGAIN).await?;
                verified(&self.client(&metadata), &tokens, &nonce, now.wall)
            }
            outcome => outcome,
        };
        let claims = claims.map_err(Refusal::caused)?.clone();
        self.require_several_factors(&claims)?;
        Ok(Vouched {
            client,
            tokens,
            claims,
        })
    }

    /// The authorization code, if the response is this provider's and successful.
    fn code(&self, callback: Callback, metadata: &Metadata) -> Result<String, Refusal> {
        let named = metadata
            .additional_metadata()
            .authorization_response_iss_parameter_supported;
        match callback.iss {
            Some(issuer) if issuer != **metadata.issuer() => {
                return Err(Refusal::failed("the answer names another issuer"));
            }
            None if named => return Err(Refusal::failed("the answer does not name its issuer")),
            _ => {}
        }
        if let Some(error) = callback.error {
            return Err(Refusal::failed(format!("the provider answered {error}")));
        }
        callback
            .code
            .ok_or_else(|| Refusal::failed("the answer has no code"))
    }

    fn require_several_factors(&self, claims: &CoreIdTokenClaims) -> Result<(), Refusal> {
        let methods = claims.auth_method_refs().into_iter().flatten();
        let by_method = methods
            .into_iter()
            .any(|method| self.settings.accepted_amr.iter().any(|one| **one == **method));
        let by_class = claims
            .auth_context_ref()
            .is_some_and(|class| self.settings.accepted_acr.iter().any(|one| **one == **class));
        if by_method || by_class {
            Ok(())
        } else {
            Err(Refusal::NoMfa)
        }
    }

    /// The e-mail address, if the provider has verified it. Some return it from the userinfo endpoint only (OpenID
    /// Connect Core 1.0 section 5.4).
    pub(super) async fn verified_email(&self, vouched: &Vouched) -> Result<Option<String>, Refusal> {
        let claims = &vouched.claims;
        if let Some(email) = claims.email() {
            return Ok(claims
                .email_verified()
                .unwrap_or(false)
                .then(|| email.to_string()));
        }
        let access_token = vouched.tokens.access_token().clone();
        let Ok(request) = vouched
            .client
            .user_info(access_token, Some(claims.subject().clone()))
        else {
            return Ok(None);
        };
        let info = request.request_async(&self.outbound).await;
        let info: CoreUserInfoClaims = info.map_err(Refusal::caused)?;
        let verified = info.email_verified().unwrap_or(false);
        Ok(info.email().filter(|_| verified).map(|email| email.to_string()))
    }

    fn client(&self, metadata: &Metadata) -> Client {
        let id = ClientId::new(self.settings.client_id.clone());
        let secret = ClientSecret::new(self.settings.client_secret.expose_secret().to_owned());
        let methods = metadata.token_endpoint_auth_methods_supported();
        let in_body = methods.is_some_and(|methods| {
            methods.contains(&CoreClientAuthMethod::ClientSecretPost)
                && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
        });
        CoreClient::from_provider_metadata(metadata.clone(), id, Some(secret))
            .set_redirect_uri(self.callback.clone())
            .set_auth_type(if in_body {
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
        let issuer = self.settings.issuer.clone();
        let found = Metadata::discover_async(issuer, &self.outbound).await;
        found.map_err(|error| with_causes(&error))
    }
}

fn verified<'t>(
    client: &Client,
    tokens: &'t CoreTokenResponse,
    nonce: &Nonce,
    now: DateTime<Utc>,
) -> Result<&'t CoreIdTokenClaims, ClaimsVerificationError> {
    let failed = |cause: &str| ClaimsVerificationError::Other(cause.to_owned());
    let verifier = client
        .id_token_verifier()
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || now)
        .set_issue_time_verifier_fn(move |issued_at| match (now - issued_at).abs() < FRESH {
            true => Ok(()),
            false => Err("issued too long ago, or in the future".to_owned()),
        });
    let token = tokens
        .id_token()
        .ok_or_else(|| failed("the answer has no ID token"))?;
    let claims = token.claims(&verifier, nonce)?;
    if claims
        .authorized_party()
        .is_some_and(|party| party != client.client_id())
    {
        return Err(failed("the authorized party is another client"));
    }
    // `at_hash` is optional in this flow; if present it must match the access token (section 3.1.3.6).
    if let Some(expected) = claims.access_token_hash() {
        let signature = ClaimsVerificationError::SignatureVerification;
        let algorithm = token.signing_alg().map_err(signature)?;
        let key = token.signing_key(&verifier).map_err(signature)?;
        let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
        if hash.ok().as_ref() != Some(expected) {
            return Err(failed("at_hash is not that of the access token"));
        }
    }
    Ok(claims)
}
