//! A DPoP proof: parsed, its signature verified, then compared with the request (RFC 9449 §4.3).

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oauth2_types::algorithm::Algorithm;
use serde::Deserialize;
use serde_json::Value;

use super::{error::ProofError, target::normalized};
use crate::{jws::Jws, public_key::PublicKey, strict_json};

/// The signing algorithms of proofs, as FAPI 2.0 §5.4.1 allows.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::ES256, Algorithm::PS256, Algorithm::EdDSA];
/// How long a proof is accepted after its `iat`.
pub const LIFETIME_SECONDS: i64 = 60;
/// How far `iat` may lie ahead: FAPI 2.0 §5.3.2.1 requires 10 s to be accepted and more than 60 s to be rejected.
pub const MAX_AHEAD_SECONDS: i64 = 10;
/// Enough for the longest RSA key and its signature, twice.
const MAX_LENGTH: usize = 8 * 1024;
const MAX_IDENTIFIER: usize = 256;

/// The claims of RFC 9449 §4.2. A number may have a fraction (RFC 7519 §2).
#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: f64,
    exp: Option<f64>,
    nbf: Option<f64>,
    ath: Option<String>,
    nonce: Option<String>,
}

/// The request that carries a proof.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method as sent; methods are case-sensitive (RFC 9110 §9.1).
    pub method: &'a str,
    /// The URL as clients know it: configured origin, and path. A query is ignored.
    pub url: &'a str,
    /// Seconds since the Unix epoch.
    pub now: i64,
}

/// A proof with a valid signature, to be compared with the request by [`Proof::check`].
pub struct Proof {
    claims: Claims,
    key_thumbprint: String,
}

impl Proof {
    /// Parses the header and verifies the signature (§4.3 points 2 to 7).
    pub fn parse(header: &str) -> Result<Self, ProofError> {
        if header.len() > MAX_LENGTH {
            return Err(ProofError::TooLong);
        }
        let jws = Jws::parse(header)?;
        if jws.header("typ").and_then(Value::as_str) != Some("dpop+jwt") {
            return Err(ProofError::Type);
        }
        if !ALGORITHMS.contains(&jws.algorithm) {
            return Err(ProofError::Algorithm);
        }
        let jwk = jws
            .header("jwk")
            .and_then(Value::as_object)
            .ok_or(ProofError::Key)?;
        let key = PublicKey::from_jwk(jwk)?;
        if !key.algorithms().contains(&jws.algorithm) {
            return Err(ProofError::Key);
        }
        let claims: Claims = strict_json::parse(&jws.payload)?;
        if !jws.is_signed_by(&key) {
            return Err(ProofError::Signature);
        }
        if !(1..=MAX_IDENTIFIER).contains(&claims.jti.len()) {
            return Err(ProofError::Identifier);
        }
        Ok(Self {
            claims,
            key_thumbprint: key.thumbprint().to_owned(),
        })
    }

    /// Checks that it is for this request and time (§4.3 points 8, 9 and 11, except for replay).
    pub fn check(&self, request: Request<'_>) -> Result<(), ProofError> {
        if self.claims.htm != request.method {
            return Err(ProofError::Method);
        }
        let target = normalized(&self.claims.htu);
        if target.is_none() || target != normalized(request.url) {
            return Err(ProofError::Target);
        }
        self.check_times(request.now)
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of this age are exact")]
    fn check_times(&self, now: i64) -> Result<(), ProofError> {
        let (past, future) = ((now - LIFETIME_SECONDS) as f64, (now + MAX_AHEAD_SECONDS) as f64);
        let issued = (past..=future).contains(&self.claims.iat);
        let begun = self.claims.nbf.is_none_or(|nbf| nbf <= future);
        let ended = self.claims.exp.is_some_and(|exp| exp <= now as f64);
        if issued && begun && !ended {
            Ok(())
        } else {
            Err(ProofError::Time)
        }
    }

    /// Checks that it is for this access token (§4.3 point 12, `ath`).
    pub fn check_token(&self, access_token: &str) -> Result<(), ProofError> {
        let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, access_token.as_bytes()));
        if self.claims.ath.as_deref() == Some(hash.as_str()) {
            Ok(())
        } else {
            Err(ProofError::Token)
        }
    }

    /// The thumbprint of its key (RFC 7638), `jkt` of tokens bound to it (§6.1).
    pub fn key_thumbprint(&self) -> &str {
        &self.key_thumbprint
    }

    /// Its nonce (§8).
    pub fn nonce(&self) -> Option<&str> {
        self.claims.nonce.as_deref()
    }

    /// The digest for replay protection (§11.1): a hash of its key and `jti`.
    pub fn digest(&self) -> [u8; 32] {
        let text = [self.key_thumbprint.as_str(), ".", self.claims.jti.as_str()].concat();
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        hash
    }
}
