//! Causes in secret rotation.

use actix_web::http::StatusCode;
use oauth2_types::error::ErrorCode;

use super::row::{Row, row};

/// Why a live secret is not rotated. Entra has no rotation: its codes are those of the nearest kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum RotationCause {
    /// Neither the managers nor the organisation's policy allow the application to rotate.
    RotationNotAllowed,
    /// The organisation's policy requires keys.
    KeysOnly,
    /// The client authenticated by something other than a secret.
    NotBySecret,
    /// The secret was rotated, or created by a rotation, a short time ago.
    RotatedBefore,
    /// The application has its maximum of live secrets.
    TooManySecrets,
}

impl RotationCause {
    pub(super) fn row(self) -> Row {
        use ErrorCode::{InvalidRequest, TemporarilyUnavailable, UnauthorizedClient};
        let bad = StatusCode::BAD_REQUEST;
        match self {
            Self::RotationNotAllowed => row(
                StatusCode::FORBIDDEN,
                UnauthorizedClient,
                7_000_112,
                "Self-rotation is not switched on for this application: a credential manager does that at Manage API Credentials.",
            ),
            Self::KeysOnly => row(
                StatusCode::FORBIDDEN,
                UnauthorizedClient,
                7_000_112,
                "The policy of this organisation allows no new secrets: register a key at Manage API Credentials.",
            ),
            Self::NotBySecret => row(
                bad,
                InvalidRequest,
                7_000_216,
                "Only a client secret can be exchanged here: authenticate by the secret that is to be replaced.",
            ),
            Self::RotatedBefore => row(
                StatusCode::TOO_MANY_REQUESTS,
                TemporarilyUnavailable,
                90_055,
                "A secret is exchanged once a day, and this one was exchanged or made just now: use the newest one that you have, or wait as Retry-After says.",
            ),
            Self::TooManySecrets => row(
                StatusCode::CONFLICT,
                InvalidRequest,
                90_055,
                "The application has the maximum number of live secrets: a credential manager can delete one at Manage API Credentials.",
            ),
        }
    }
}
