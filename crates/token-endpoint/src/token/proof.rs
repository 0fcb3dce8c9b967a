//! The DPoP proof of a token request (RFC 9449 §5), to whose key the token is bound. A request without one costs one
//! header look-up.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue},
};
use chrono::TimeDelta;
use domain::authentication::AuthenticatedClient;
use jose::dpop::{self, Proof, ProofError, Request};

use crate::{
    refusal::{Failure, ProofCause},
    state::TokenService,
};

const HEADER: HeaderName = HeaderName::from_static(dpop::HEADER);
/// How long a used `jti` is kept. No node accepts the proof longer after its first use, even with five minutes of
/// clock skew.
const REMEMBERED: TimeDelta = TimeDelta::seconds(dpop::LIFETIME_SECONDS + dpop::MAX_AHEAD_SECONDS + 300);

impl TokenService {
    /// The request's proof, verified except for replay: see [`TokenService::use_up`].
    pub(crate) fn proof(
        &self,
        http: &HttpRequest,
        client: &AuthenticatedClient,
    ) -> Result<Option<Proof>, Failure> {
        let mut headers = http.headers().get_all(HEADER);
        let Some(header) = headers.next() else {
            return match client.needs_bound_tokens() {
                true => Err(ProofCause::NoProof.into()),
                false => Ok(None),
            };
        };
        if headers.next().is_some() {
            return Err(ProofCause::SeveralProofs.into());
        }
        let header = header.to_str().map_err(|_| ProofError::Malformed)?;
        let proof = Proof::parse(header)?;
        proof.check(Request {
            method: http.method().as_str(),
            url: &format!("{}{}", self.settings.public_url, http.uri().path()),
            now: self.clock.now().timestamp(),
        })?;
        self.check_nonce(proof.nonce())?;
        Ok(Some(proof))
    }

    /// Replay protection (RFC 9449 §11.1): marks the proof as used and returns its key's thumbprint. The last check
    /// before issuing, so that a request refused for another reason does not use up its proof.
    pub(crate) async fn use_up(&self, proof: Option<&Proof>) -> Result<Option<String>, Failure> {
        let Some(proof) = proof else {
            return Ok(None);
        };
        let until = self.clock.now() + REMEMBERED;
        if Box::pin(self.store.use_assertion(proof.digest(), until)).await? {
            Ok(Some(proof.key_thumbprint().to_owned()))
        } else {
            Err(ProofCause::UsedProof.into())
        }
    }

    /// Where nonces are required, each response to a proof carries the next one (RFC 9449 §8.2).
    pub(crate) fn offer_nonce(&self, answer: &mut HttpResponse, proof: Option<&Proof>) {
        if proof.is_none() || !self.settings.dpop_nonce_required {
            return;
        }
        if let Ok(nonce) = HeaderValue::from_str(&self.new_nonce()) {
            let name = HeaderName::from_static(dpop::NONCE_HEADER);
            answer.headers_mut().insert(name, nonce);
        }
    }

    fn check_nonce(&self, nonce: Option<&str>) -> Result<(), Failure> {
        match nonce {
            Some(nonce) if self.is_own_nonce(nonce) => Ok(()),
            None if !self.settings.dpop_nonce_required => Ok(()),
            _ => Err(Failure::NonceNeeded(self.new_nonce())),
        }
    }
}
