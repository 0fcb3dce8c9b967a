//! Causes in the proof of possession that came with a token request (RFC 9449).

use actix_web::http::StatusCode;
use jose::dpop::ProofError;
use oauth2_types::error::ErrorCode;

use super::row::{Row, row};

/// Entra has no code for DPoP: this is its code of a malformed request.
const MALFORMED: u32 = 9_002_313;

/// Why no token is bound to the key of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum ProofCause {
    /// None, and this client's tokens are bound (§5.2).
    NoProof,
    /// More than one header (§4.3 point 1).
    SeveralProofs,
    /// §4.3 points 2 to 11.
    InvalidProof(ProofError),
    /// It was used before (§11.1).
    UsedProof,
    /// Without a nonce of this server, or with an old one (§8).
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
