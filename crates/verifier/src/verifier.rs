//! Token validation: the checks, in their order.

use std::sync::Arc;

use jose::{
    dpop::{self, Proof, Request},
    strict_json,
};
use oauth2_types::algorithm::Algorithm;

use crate::{
    Clock, Fetch, Issuer, Rejection, VerifiedToken, claims::Claims, jws::Jws, keys::IssuerKeys,
    status::StatusLists, used_proofs::UsedProofs,
};

/// The largest clock skew that can be tolerated.
pub const MAX_SKEW_SECONDS: u32 = 60;
/// Length limit: more than any token of this server.
const MAX_TOKEN_LENGTH: usize = 16 * 1024;

/// Whether the status of tokens is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusPolicy {
    /// A token must reference a status list and be VALID there.
    Required,
    /// The status is not checked: tokens are valid until they expire, even if their secret was deleted.
    Ignored,
}

/// Settings of an API.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The trusted issuers.
    pub issuers: Vec<Issuer>,
    /// The accepted audiences: the API's resource id, and its URI if clients request it by that.
    pub audiences: Vec<String>,
    /// The accepted signing algorithms; list only those in use.
    pub algorithms: Vec<Algorithm>,
    /// The tolerated clock skew, at most [`MAX_SKEW_SECONDS`].
    pub skew_seconds: u32,
    /// Whether the status of tokens is checked.
    pub status: StatusPolicy,
}

/// Settings that would accept too much, or nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No issuer, audience or algorithm.
    #[error("name at least one issuer, one audience and one algorithm")]
    Empty,
    /// An issuer without https, whose keys could be replaced in transit.
    #[error("an issuer must be an https URL; http is allowed on loopback only")]
    InsecureIssuer,
    /// A clock skew of more than a minute.
    #[error("the skew must not exceed 60 seconds")]
    Skew,
    /// The origin for DPoP proofs is invalid.
    #[error("the origin must be an http or https URL without a path, as callers know it")]
    Origin,
}

impl Settings {
    fn check(&self) -> Result<(), SettingsError> {
        if self.issuers.is_empty() || self.audiences.is_empty() || self.algorithms.is_empty() {
            return Err(SettingsError::Empty);
        }
        if !self.issuers.iter().all(Issuer::is_secure) {
            return Err(SettingsError::InsecureIssuer);
        }
        if self.skew_seconds > MAX_SKEW_SECONDS {
            return Err(SettingsError::Skew);
        }
        Ok(())
    }
}

/// A request with a DPoP-bound token and its proof.
#[derive(Clone, Copy, Debug)]
pub struct ProvenRequest<'a> {
    /// The value of the one `DPoP` header.
    pub proof: &'a str,
    /// The method as sent.
    pub method: &'a str,
    /// The path below the API's origin; a query is ignored.
    pub path: &'a str,
}

/// The API's origin, and the replay protection of proofs.
struct Dpop {
    origin: String,
    used: UsedProofs,
}

/// Validates tokens; one for a whole API, shared by its workers.
pub struct Verifier {
    dpop: Option<Dpop>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    issuers: Vec<(Issuer, IssuerKeys)>,
    status: StatusLists,
}

impl Verifier {
    /// Builds a verifier; fetches nothing yet.
    pub fn new(
        settings: Settings,
        fetch: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        settings.check()?;
        let keys = |issuer: &Issuer| IssuerKeys::new(issuer.clone(), Arc::clone(&fetch), Arc::clone(&clock));
        let issuers = settings.issuers.iter();
        let issuers = issuers.map(|issuer| (issuer.clone(), keys(issuer))).collect();
        let skew = i64::from(settings.skew_seconds);
        let status = StatusLists::new(Arc::clone(&fetch), Arc::clone(&clock), skew);
        Ok(Self {
            dpop: None,
            settings,
            clock,
            issuers,
            status,
        })
    }

    /// Also accepts DPoP-bound tokens (RFC 9449). `origin` is the API's public origin, such as
    /// `https://api.example.org`: the `Host` header is not trusted.
    pub fn with_dpop(mut self, origin: &str) -> Result<Self, SettingsError> {
        let origin = origin.trim_end_matches('/').to_owned();
        let host = origin.split_once("://").map_or("", |(_, host)| host);
        if host.contains(['/', '?', '#']) || !dpop::is_address(&origin) {
            return Err(SettingsError::Origin);
        }
        let used = UsedProofs::default();
        self.dpop = Some(Dpop { origin, used });
        Ok(self)
    }

    /// Whether DPoP-bound tokens are accepted.
    pub fn knows_dpop(&self) -> bool {
        self.dpop.is_some()
    }

    /// Validates a bearer token; a bound one is rejected.
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, Rejection> {
        self.check(token, None).await
    }

    /// Validates a DPoP-bound token with its proof for this request (RFC 9449 §4.3, §7.1). This verifier accepts each
    /// proof once.
    pub async fn verify_proven(
        &self,
        token: &str,
        request: ProvenRequest<'_>,
    ) -> Result<VerifiedToken, Rejection> {
        let dpop = self.dpop.as_ref().ok_or(Rejection::NoProof)?;
        let proof = Proof::parse(request.proof)?;
        proof.check(Request {
            method: request.method,
            url: &format!("{}{}", dpop.origin, request.path),
            now: self.clock.unix_time(),
        })?;
        proof.check_token(token)?;
        let verified = self.check(token, Some(proof.key_thumbprint())).await?;
        dpop.used.remember(proof.digest(), self.clock.monotonic())?;
        Ok(verified)
    }

    /// `proven` is the thumbprint of a valid proof's key.
    async fn check(&self, token: &str, proven: Option<&str>) -> Result<VerifiedToken, Rejection> {
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(Rejection::TooLong);
        }
        let jws = Jws::parse(token)?;
        if !self.settings.algorithms.contains(&jws.algorithm) {
            return Err(Rejection::Algorithm);
        }
        let claims: Claims = strict_json::parse(&jws.payload)?;
        // The unverified `iss` selects the keys; the signature then proves it.
        let known = self.issuers.iter().find(|(issuer, _)| issuer.url == claims.iss);
        let (issuer, keys) = known.ok_or(Rejection::Issuer)?;
        jws.has_type(issuer.typ)?;
        jws.verify(&*keys.find(&jws.kid).await?)?;
        if !claims.is_of_a_client() {
            return Err(Rejection::Claims);
        }
        self.check_audience_and_times(&claims)?;
        claims.check_binding(proven)?;
        match (&claims.status, self.settings.status) {
            (_, StatusPolicy::Ignored) => {}
            (Some(reference), StatusPolicy::Required) => self.status.check(issuer, keys, reference).await?,
            (None, StatusPolicy::Required) => return Err(Rejection::Claims),
        }
        Ok(VerifiedToken::new(claims))
    }

    fn check_audience_and_times(&self, claims: &Claims) -> Result<(), Rejection> {
        if !self.settings.audiences.contains(&claims.aud) {
            return Err(Rejection::Audience);
        }
        let (now, skew) = (self.clock.unix_time(), i64::from(self.settings.skew_seconds));
        if claims.exp.saturating_add(skew) <= now {
            return Err(Rejection::Expired);
        }
        if claims.nbf.max(claims.iat) > now + skew {
            return Err(Rejection::NotYetValid);
        }
        Ok(())
    }
}
