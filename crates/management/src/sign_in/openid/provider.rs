//! The provider: its metadata and keys, kept for an hour, and what it says of a person, verified (OpenID Connect Core
//! 1.0 section 3.1.3.7).

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
/// How long metadata and keys are believed.
const KEPT: Duration = Duration::from_secs(3600);
/// A provider that does not answer, or whose keys are not the right ones, is asked again after this time.
const ASKED_AGAIN: Duration = Duration::from_secs(5);
/// How far the time at which an ID token was issued may lie from now: the exchange has just given it.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// Public-key signatures only: nothing that whoever knows the client secret, or nobody at all, could sign.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 7] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What configuration says of the provider.
pub struct OpenIdSettings {
    /// Its issuer identifier, to the letter.
    pub issuer: IssuerUrl,
    /// Who we are to the provider.
    pub client_id: String,
    /// What proves it.
    pub client_secret: SecretString,
    /// What the button says.
    pub name: String,
    /// Asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Any of these in `amr` proves several factors (RFC 8176).
    pub accepted_amr: Vec<String>,
    /// Any of these as `acr` proves several factors; they are asked for.
    pub accepted_acr: Vec<String>,
}

/// A member of the metadata that the library does not know.
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

/// What was learnt when.
struct Known {
    at: Duration,
    outcome: Result<Arc<Metadata>, String>,
}

/// The provider, as we know it.
pub struct Provider {
    pub(super) settings: OpenIdSettings,
    callback: RedirectUrl,
    outbound: Outbound,
    known: Mutex<Option<Known>>,
}

/// Now, on both clocks.
#[derive(Clone, Copy)]
pub(super) struct Instant {
    pub(super) wall: DateTime<Utc>,
    pub(super) monotonic: Duration,
}

/// Somebody whom the provider vouches for, with what it can be asked of them.
pub(super) struct Vouched {
    client: Client,
    tokens: CoreTokenResponse,
    claims: CoreIdTokenClaims,
}

impl Vouched {
    /// Who it is, to this issuer.
    pub(super) fn subject(&self) -> &str {
        self.claims.subject()
    }
}

/// The parameters by which the provider sends the browser back (RFC 6749 section 4.1.2, RFC 9207).
#[derive(Default, Deserialize)]
pub(super) struct Callback {
    pub(super) state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

impl Provider {
    /// Asks nobody yet: a provider that is down holds up no start. `public_url` is our own origin.
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

    /// Reads metadata and keys now; for checks of the configuration.
    pub async fn check(&self) -> Result<(), String> {
        self.discover().await.map(drop)
    }

    /// Where the browser goes, for this attempt.
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

    /// Exchanges the code and verifies what the provider says.
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
                // The provider may have new keys.
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

    /// The code, if the answer is this provider's and a yes.
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

    /// The e-mail address, if the provider has verified it. Some tell it at their userinfo endpoint only (OpenID
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

    /// What is known, if it is not older than `oldest`; the lock makes one request of many.
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
    // Optional in this flow; where it stands, it names the access token (section 3.1.3.6).
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
