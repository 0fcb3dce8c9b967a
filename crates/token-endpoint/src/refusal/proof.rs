//! Causes in the DPoP proof of a token request (RFC 9449).

use actix_web::http::StatusCode;
use jose::dpop::ProofError;
use oauth2_types::error::ErrorCode;

use super::row::{Row, row};

/// Entra's code for a malformed request; it has none for DPoP.
const MALFORMED: u32 = 9_002_313;

/// Why a DPoP proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum ProofCause {
    /// No proof, although this client's tokens must be sender-constrained (§5.2).
    NoProof,
    /// More than one `DPoP` header (§4.3 point 1).
    SeveralProofs,
    /// The proof is invalid (§4.3 points 2 to 11).
    InvalidProof(ProofError),
    /// Replayed (§11.1).
    UsedProof,
    /// The nonce is missing, unknown or expired (§8).
    UseNonce,
}

impl ProofCause {
    pub(super) fn row(self) -> Row {
        let refused = |text| {
            row(
                StatusCode::BAD_REQUEST,
                ErrorCode::InvalidDpopProof,
                MALFORMED,
                text,
            )
        };
        match self {
            Self::NoProof => refused(
                "This client gets bound tokens only: send a DPoP proof (RFC 9449) in the DPoP header.",
            ),
            Self::SeveralProofs => refused("Send one DPoP header."),
            Self::InvalidProof(error) => refused(error.text()),
            Self::UsedProof => {
                refused("This DPoP proof was used before: make a proof with a new jti for each request.")
            }
            Self::UseNonce => row(
                StatusCode::BAD_REQUEST,
                ErrorCode::UseDpopNonce,
                MALFORMED,
                "Make another DPoP proof, with the value of the DPoP-Nonce header of this answer as nonce.",
            ),
        }
    }
}
