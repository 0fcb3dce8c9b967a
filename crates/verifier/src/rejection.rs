//! Every reason to refuse a token. The reason is for the log; a caller learns only "invalid token".

use jose::{dpop::ProofError, strict_json::NotStrict};
use oauth2_types::bearer::{BearerError, DpopError};

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Longer than any token of the server.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of base64url with JSON objects; also a JWE, which has five.
    #[error("the token is not a signed JWT")]
    Malformed,
    /// A JSON object names a key twice (RFC 8725 §2.4).
    #[error("the token repeats a JSON key")]
    DuplicateKey,
    /// A `crit` header (RFC 7515 §4.1.11): no extension is understood.
    #[error("the token has a critical header")]
    Critical,
    /// An `alg` that is not allowed; also `none` and every HMAC.
    #[error("the token's algorithm is not allowed")]
    Algorithm,
    /// A `typ` that the issuer's access tokens don't have (RFC 9068 §4).
    #[error("the token has the wrong type")]
    Type,
    /// An `iss` that is not believed.
    #[error("the token's issuer is unknown")]
    Issuer,
    /// A `kid` that the issuer does not publish, or none.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    Signature,
    /// A required claim is missing or has another type.
    #[error("a claim of the token is missing or malformed")]
    Claims,
    /// For another API.
    #[error("the token is for another audience")]
    Audience,
    /// Past its `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before its `nbf` or `iat`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It is bound to a key, and came without a proof (RFC 9449 §7.2).
    #[error("the token is bound to a key: it must come with a DPoP proof")]
    BoundToken,
    /// It came with a proof, and is bound to no key.
    #[error("the token is not bound to a key: it comes as a bearer token")]
    UnboundToken,
    /// The proof is by another key than the token's (RFC 9449 §4.3 point 12).
    #[error("the token is bound to another key than the proof's")]
    OtherKey,
    /// There is not one DPoP header, or this API does not know DPoP.
    #[error("one DPoP proof is needed")]
    NoProof,
    /// The proof is not for this request.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// The proof was used before.
    #[error("the DPoP proof was used before")]
    UsedProof,
    /// Its status list says that it is not valid any more.
    #[error("the token has been revoked")]
    Revoked,
    /// The token does not hold the role that the operation needs.
    #[error("the token lacks a role")]
    MissingRole,
    /// Keys or status can't be fetched, and what was fetched before is too old. Not the token's fault.
    #[error("the token can't be checked now: {0}")]
    Unavailable(&'static str),
}

impl Rejection {
    /// What a caller with a proof is told (RFC 9449 §7.1); `None`: as [`Rejection::bearer_error`] says.
    pub fn dpop_error(&self) -> Option<DpopError> {
        match self {
            Self::MissingRole | Self::Unavailable(_) => None,
            Self::NoProof | Self::Proof(_) | Self::UsedProof => Some(DpopError::InvalidProof),
            _ => Some(DpopError::InvalidToken),
        }
    }

    /// What the caller is told (RFC 6750 §3.1); `None`: answer 503.
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
