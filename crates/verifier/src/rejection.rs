//! The reasons to reject a token. The reason is for the log; the caller learns only "invalid token".

use jose::{dpop::ProofError, strict_json::NotStrict};
use oauth2_types::bearer::{BearerError, DpopError};

/// Why a token is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Longer than any token of this server.
    #[error("the token is too long")]
    TooLong,
    /// Not three base64url parts with JSON objects; a JWE, for instance, has five.
    #[error("the token is not a signed JWT")]
    Malformed,
    /// A JSON member is repeated (RFC 8725 §2.4).
    #[error("the token repeats a JSON key")]
    DuplicateKey,
    /// A `crit` header (RFC 7515 §4.1.11): no extension is supported.
    #[error("the token has a critical header")]
    Critical,
    /// An `alg` that is not allowed, such as `none` and every HMAC.
    #[error("the token's algorithm is not allowed")]
    Algorithm,
    /// The `typ` is not that of the issuer's access tokens (RFC 9068 §4).
    #[error("the token has the wrong type")]
    Type,
    /// The issuer is not trusted.
    #[error("the token's issuer is unknown")]
    Issuer,
    /// The `kid` is missing or not in the issuer's JWKS.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the token's signature is wrong")]
    Signature,
    /// A required claim is missing or has another type.
    #[error("a claim of the token is missing or malformed")]
    Claims,
    /// The audience is another API.
    #[error("the token is for another audience")]
    Audience,
    /// Past its `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before its `nbf` or `iat`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The token is bound to a key, but there is no proof (RFC 9449 §7.2).
    #[error("the token is bound to a key: it must come with a DPoP proof")]
    BoundToken,
    /// There is a proof, but the token is bound to no key.
    #[error("the token is not bound to a key: it comes as a bearer token")]
    UnboundToken,
    /// The proof is under another key than the token's (RFC 9449 §4.3 point 12).
    #[error("the token is bound to another key than the proof's")]
    OtherKey,
    /// Not exactly one DPoP header, or this API does not accept DPoP.
    #[error("one DPoP proof is needed")]
    NoProof,
    /// The proof is invalid for this request.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// The proof is replayed.
    #[error("the DPoP proof was used before")]
    UsedProof,
    /// The token's status is not VALID.
    #[error("the token has been revoked")]
    Revoked,
    /// The token lacks the role that the operation needs.
    #[error("the token lacks a role")]
    MissingRole,
    /// JWKS or status list can't be fetched, and the cached one is too old. Not the token's fault.
    #[error("the token can't be checked now: {0}")]
    Unavailable(&'static str),
}

impl Rejection {
    /// The error for a caller with a proof (RFC 9449 §7.1); `None`: as [`Rejection::bearer_error`].
    pub fn dpop_error(&self) -> Option<DpopError> {
        match self {
            Self::MissingRole | Self::Unavailable(_) => None,
            Self::NoProof | Self::Proof(_) | Self::UsedProof => Some(DpopError::InvalidProof),
            _ => Some(DpopError::InvalidToken),
        }
    }

    /// The error for the caller (RFC 6750 §3.1); `None`: answer 503.
    pub fn bearer_error(&self) -> Option<BearerError> {
        match self {
            Self::MissingRole => Some(BearerError::InsufficientScope),
            Self::Unavailable(_) => None,
            _ => Some(BearerError::InvalidToken),
        }
    }
}

impl From<NotStrict> for Rejection {
    fn from(error: NotStrict) -> Self {
        match error {
            NotStrict::Malformed => Self::Malformed,
            NotStrict::Repeated => Self::DuplicateKey,
            NotStrict::Mismatch => Self::Claims,
        }
    }
}
