//! From a request to a token: authenticate, choose the resource, sign.

use std::{net::IpAddr, sync::Arc};

use domain::{
    authentication::{self, AuthenticatedClient, Refusal},
    client::Grant,
    random,
    resource::{SigningAlgorithm, parse_guid},
};
use keystore::Algorithm;
use oauth2_types::claims::{AccessTokenClaims, CommonClaims, EntraV1Claims, EntraV2Claims, TokenStatus};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    failure::Failure,
    request::{Presented, TokenRequest},
    state::TokenService,
    status_list,
};

/// How far `nbf` lies in the past, for validators with slow clocks.
const SLOW_CLOCK_SECONDS: i64 = 300;

/// The three kinds of token.
#[derive(Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Shape {
    Rfc9068,
    EntraV1,
    EntraV2,
}

/// A signed token and what the answer says about it.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) expires_in: i64,
    pub(crate) expires_at: i64,
    pub(crate) not_before: i64,
}

impl TokenService {
    /// Checks grant type and credentials. Failures are counted by source, successes never refused.
    pub(crate) async fn authenticate(
        &self,
        request: &TokenRequest,
        source: IpAddr,
        tell_apart: bool,
    ) -> Result<AuthenticatedClient, Failure> {
        match request.grant_type.as_deref() {
            None => return Err(Failure::Missing("grant_type")),
            Some("client_credentials") => {}
            Some(_) => return Err(Failure::UnsupportedGrant),
        }
        self.authenticate_client(&request.credentials, source, tell_apart)
            .await
    }

    /// Checks the credentials of a client; failures are counted.
    pub(crate) async fn authenticate_client(
        &self,
        credentials: &Presented,
        source: IpAddr,
        tell_apart: bool,
    ) -> Result<AuthenticatedClient, Failure> {
        let (client_id, secret) = credentials.to_check()?;
        let outcome = self.check(client_id, secret, tell_apart).await;
        self.count_failed(client_id, source, outcome)
    }

    /// Lets an outcome pass, unless it is one failure too many of this client or source.
    pub(crate) fn count_failed<T>(
        &self,
        client_id: Uuid,
        source: IpAddr,
        outcome: Result<T, Failure>,
    ) -> Result<T, Failure> {
        match outcome {
            Err(failure) if failure.is_failed_authentication() => {
                self.throttle
                    .count_failure(client_id, source)
                    .map_err(Failure::Throttled)?;
                Err(failure)
            }
            outcome => outcome,
        }
    }

    async fn check(
        &self,
        client_id: Uuid,
        secret: &str,
        tell_apart: bool,
    ) -> Result<AuthenticatedClient, Failure> {
        let digests = self.pepper.digests(client_id, secret);
        let refusal = match self.memory.find(client_id, &digests).await? {
            Some(client) => match authentication::authenticate(client, &digests, self.clock.now()) {
                Ok(authenticated) => return Ok(authenticated),
                Err(refusal) => refusal,
            },
            None => Refusal::NoMatch,
        };
        match refusal {
            Refusal::Expired(secret_id) => {
                self.usage.record_expired(secret_id, self.clock.now());
                Err(Failure::Expired)
            }
            Refusal::NoMatch if tell_apart => Err(self.explain(client_id, secret).await?),
            Refusal::NoMatch => Err(Failure::WrongSecret { is_secret_id: false }),
        }
    }

    /// The Entra routes say which half was wrong; this costs two more queries, only there and only on failure.
    async fn explain(&self, client_id: Uuid, secret: &str) -> Result<Failure, Failure> {
        match self.store.application_enabled(client_id).await? {
            None => Ok(Failure::UnknownClient),
            Some(false) => Ok(Failure::Disabled),
            Some(true) => {
                let is_secret_id = match parse_guid(secret) {
                    Some(value) => self.store.is_secret_id(client_id, value).await?,
                    None => false,
                };
                Ok(Failure::WrongSecret { is_secret_id })
            }
        }
    }

    /// Signs a token. Only an authenticated client gets here.
    pub(crate) fn issue(
        &self,
        client: &AuthenticatedClient,
        grant: &Arc<Grant>,
        audience: &str,
        (roles, scope): (&[String], &str),
        shape: Shape,
    ) -> Result<Issued, Failure> {
        let resource = &grant.resource;
        let lifetime = resource.token_lifetime_seconds;
        let lifetime = lifetime.unwrap_or(self.settings.token_lifetime_seconds);
        let now = self.clock.now().timestamp();
        let (expires_at, not_before) = (now + lifetime, now - SLOW_CLOCK_SECONDS);
        let jti = random::uuid(&*self.random).map_err(|error| Failure::Internal(error.to_string()))?;
        let (list, index) = status_list::place(client.status_index());
        let status_uri = self.status_list_uri(list);
        let common = CommonClaims {
            iss: &self.issuer(shape),
            sub: &client.client_id().to_string(),
            aud: audience,
            exp: expires_at,
            iat: if shape == Shape::Rfc9068 { now } else { not_before },
            nbf: not_before,
            jti: &jti.to_string(),
            roles,
            tid: &self.settings.tenant_id,
            status: TokenStatus::of(index, &status_uri),
        };
        let token = self.sign_as(shape, grant, common, scope)?;
        let algorithm = resource.signing_algorithm;
        self.metrics
            .issued(shape, algorithm.unwrap_or(self.settings.signing_algorithm));
        Ok(Issued {
            token,
            expires_in: lifetime,
            expires_at,
            not_before,
        })
    }

    /// Adds the claims that only this kind of token has.
    fn sign_as(
        &self,
        shape: Shape,
        grant: &Grant,
        common: CommonClaims<'_>,
        scope: &str,
    ) -> Result<String, Failure> {
        let (id, uti, idp) = (common.sub, common.jti, common.iss);
        match shape {
            Shape::Rfc9068 => {
                let client_id = id;
                let claims = AccessTokenClaims {
                    common,
                    client_id,
                    scope,
                };
                self.sign(grant, "at+jwt", &claims)
            }
            Shape::EntraV1 => {
                let (appid, oid, appidacr, ver) = (id, id, "1", "1.0");
                let claims = EntraV1Claims {
                    common,
                    appid,
                    appidacr,
                    idp,
                    oid,
                    uti,
                    ver,
                };
                self.sign(grant, "JWT", &claims)
            }
            Shape::EntraV2 => {
                let (azp, oid, azpacr, idtyp, ver) = (id, id, "1", "app", "2.0");
                let claims = EntraV2Claims {
                    common,
                    azp,
                    azpacr,
                    idtyp,
                    oid,
                    uti,
                    ver,
                };
                self.sign(grant, "JWT", &claims)
            }
        }
    }

    fn sign(&self, grant: &Grant, typ: &str, claims: &impl Serialize) -> Result<String, Failure> {
        self.sign_with(grant.resource.signing_algorithm, typ, claims)
    }

    /// Signs with the given algorithm, or the server's default.
    pub(crate) fn sign_with(
        &self,
        algorithm: Option<SigningAlgorithm>,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, Failure> {
        let algorithm = match algorithm.unwrap_or(self.settings.signing_algorithm) {
            SigningAlgorithm::ES256 => Algorithm::ES256,
            SigningAlgorithm::RS256 => Algorithm::RS256,
        };
        let keys = self.keys.load();
        let key = keys
            .active(algorithm, self.clock.now())
            .ok_or_else(|| Failure::Internal(format!("no active {algorithm:?} key")))?;
        key.sign(typ, claims)
            .map_err(|error| Failure::Internal(error.to_string()))
    }

    /// The issuer of each kind of token, always from configuration.
    pub(crate) fn issuer(&self, shape: Shape) -> String {
        let (url, tenant) = (&self.settings.public_url, &self.settings.tenant_id);
        match shape {
            Shape::Rfc9068 => url.clone(),
            Shape::EntraV1 => format!("{url}/{tenant}/"),
            Shape::EntraV2 => format!("{url}/{tenant}/v2.0"),
        }
    }
}
