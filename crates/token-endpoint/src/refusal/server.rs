//! Causes on the server's side.

use actix_web::http::StatusCode;
use oauth2_types::error::ErrorCode;

use super::row::{Row, row};

/// Why the server can't answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum ServerCause {
    /// Too many failed authentications for this client or source.
    Throttled,
    /// An authenticated client exceeds its rate limit for changes.
    TooOften,
    /// The database is unreachable or overloaded.
    Unavailable,
    /// An internal error.
    Internal,
}

impl ServerCause {
    pub(super) fn row(self) -> Row {
        use ErrorCode::{ServerError, TemporarilyUnavailable};
        match self {
            Self::Throttled => row(
                StatusCode::TOO_MANY_REQUESTS,
                TemporarilyUnavailable,
                90_055,
                "Too many failed attempts: wait as Retry-After says.",
            ),
            Self::TooOften => row(
                StatusCode::TOO_MANY_REQUESTS,
                TemporarilyUnavailable,
                90_055,
                "This client has asked for this too often in a short time: wait as Retry-After says.",
            ),
            Self::Unavailable => row(
                StatusCode::SERVICE_UNAVAILABLE,
                TemporarilyUnavailable,
                90_033,
                "The server can't answer now: try again shortly.",
            ),
            Self::Internal => row(
                StatusCode::INTERNAL_SERVER_ERROR,
                ServerError,
                50_000,
                "The server failed; the failure is logged. Try later, then write to {support}.",
            ),
        }
    }
}
