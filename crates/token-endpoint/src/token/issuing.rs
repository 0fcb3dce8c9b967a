//! Issues and signs access tokens, for authenticated clients only.

use domain::{authentication::AuthenticatedClient, client::Grant, resource::SigningAlgorithm};
use jose::dpop;
use oauth2_types::claims::{CommonClaims, Confirmation, TokenStatus};
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Dialect, Issued, Target};
use crate::{refusal::Failure, state::TokenService, status::index};

/// `iat` and `nbf` are backdated by this, for validators with slow clocks.
pub(crate) const SLOW_CLOCK_SECONDS: i64 = 300;

/// `token_type`: `DPoP` (RFC 9449 §7.1) or `Bearer` (RFC 6750 §2.1).
pub(crate) fn token_type(is_bound: bool) -> &'static str {
    if is_bound { dpop::SCHEME } else { "Bearer" }
}

impl TokenService {
    /// Issues a token in a dialect.
    pub(crate) fn issue<D: Dialect>(
        &self,
        client: &AuthenticatedClient,
        grant: &Grant,
        target: &Target<'_>,
    ) -> Result<Issued, Failure> {
        let resource = &grant.resource;
        let lifetime = resource.token_lifetime_seconds;
        let lifetime = lifetime.unwrap_or(self.settings.token_lifetime_seconds);
        let now = self.clock.now().timestamp();
        let (expires_at, not_before) = (now + lifetime, now - SLOW_CLOCK_SECONDS);
        let jti = self.token_ids.next();
        let jti = jti.map_err(|error| Failure::Internal(error.into()))?;
        let (mut sub, mut jti_text) = (Uuid::encode_buffer(), Uuid::encode_buffer());
        let (list, index) = index::on_list(client.status_index());
        let status_uri = index::list_uri(&self.settings, list);
        let common = CommonClaims {
            iss: &D::issuer(&self.settings),
            sub: client.client_id().hyphenated().encode_lower(&mut sub),
            aud: &target.audience,
            exp: expires_at,
            iat: not_before,
            nbf: not_before,
            jti: jti.hyphenated().encode_lower(&mut jti_text),
            roles: &target.roles,
            tid: &self.settings.tenant_id,
            status: TokenStatus::of(index, &status_uri),
            cnf: target.bound_to.as_deref().map(|jkt| Confirmation { jkt }),
        };
        let token = self.sign(
            resource.signing_algorithm,
            D::TYP,
            &D::claims(common, &target.scope, client.credential_kind()),
        )?;
        let algorithm = resource
            .signing_algorithm
            .unwrap_or(self.settings.signing_algorithm);
        self.metrics.issued(D::KIND, algorithm);
        Ok(Issued {
            token,
            expires_in: lifetime,
            expires_at,
            not_before,
            token_type: token_type(target.bound_to.is_some()),
            secret_expires_at: client.secret_expires_at().map(|end| end.timestamp()),
        })
    }

    /// Signs claims with the given algorithm, or the server's default.
    pub(crate) fn sign(
        &self,
        algorithm: Option<SigningAlgorithm>,
        typ: &str,
        claims: &impl Serialize,
    ) -> Result<String, Failure> {
        let algorithm = algorithm.unwrap_or(self.settings.signing_algorithm);
        let keys = self.keys.load();
        let key = keys.active(algorithm, self.clock.now()).ok_or_else(|| {
            let remedy = format!("run `wmda-auth keys generate --algorithm {algorithm}`");
            Failure::Internal(format!("no active {algorithm} key; {remedy}").into())
        })?;
        key.sign(typ, claims)
            .map_err(|error| Failure::Internal(error.into()))
    }
}
