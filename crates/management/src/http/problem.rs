//! Errors of the management API as problem details (RFC 9457). The cause of an internal error goes to the log, never
//! to the client.

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use domain::{audit::FailureCause, random::NoRandomness};
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

/// Why a request fails.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Something in the request is not as it must be.
    #[error("{0}")]
    Invalid(String),
    /// No live session.
    #[error("sign in: send the token of POST /api/v1/session as Authorization: Bearer")]
    Unauthenticated,
    /// One text for an unknown address, a wrong password and a wrong code.
    #[error("e-mail address, password or code is wrong, or the code was used before")]
    SignInFailed,
    /// No role has the permission, or the request may come from another site (CSRF).
    #[error("{0}")]
    Forbidden(&'static str),
    /// Absent or invisible to the caller: the same response for both.
    #[error("there is no such object, or you may not see it")]
    NotFound,
    /// Wrong method; holds the allowed ones.
    #[error("this path takes {0}")]
    MethodNotAllowed(String),
    /// It collides with what is there, or a limit is reached.
    #[error("{0}")]
    Conflict(String),
    /// The body is too long.
    #[error("a body has at most 16 KiB")]
    TooLarge,
    /// The Content-Type of the body is not JSON.
    #[error("send the body as Content-Type: application/json")]
    UnsupportedMediaType,
    /// Rate limit of attempts; holds the seconds to wait.
    #[error("too many attempts: try again in {0} seconds")]
    TooManyAttempts(u64),
    /// Hourly limit; holds the seconds to wait.
    #[error(
        "as many secrets were created for this application within an hour as may be: try again in {0} seconds"
    )]
    TooManySecrets(u64),
    /// Rate limit of a person's changes and denials; holds the seconds to wait.
    #[error("you have changed, or tried, a great deal in a short time: go on in {0} seconds, one a second")]
    TooManyChanges(u64),
    /// The database is unavailable.
    #[error("the service can't answer at the moment: try again in a second")]
    Unavailable(String),
    /// An internal error.
    #[error("the service failed; the operator finds the cause by the request id")]
    Internal(String),
}

/// A problem on the wire.
#[derive(Serialize, ToSchema)]
pub struct ProblemBody {
    /// Always `about:blank`: the status says what kind it is (RFC 9457 section 4.2.1).
    #[serde(rename = "type")]
    #[schema(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What was wrong and what to do.
    detail: String,
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Unauthenticated | Self::SignInFailed => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyAttempts(_) | Self::TooManySecrets(_) | Self::TooManyChanges(_) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut answer = HttpResponse::build(status);
        answer.content_type("application/problem+json");
        if let Self::Unavailable(cause) | Self::Internal(cause) = self {
            answer.extensions_mut().insert(FailureCause(cause.clone()));
        }
        match self {
            Self::Unauthenticated => answer.insert_header(("WWW-Authenticate", "Bearer")),
            Self::MethodNotAllowed(allowed) => answer.insert_header(("Allow", allowed.as_str())),
            Self::TooManyAttempts(seconds)
            | Self::TooManySecrets(seconds)
            | Self::TooManyChanges(seconds) => answer.insert_header(("Retry-After", seconds.to_string())),
            Self::Unavailable(_) => answer.insert_header(("Retry-After", "1")),
            _ => &mut answer,
        };
        answer.json(ProblemBody {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.to_string(),
        })
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict("it exists already, or its name is taken".to_owned()),
            StoreError::Missing => Self::NotFound,
            StoreError::LimitReached | StoreError::Refused(_) => Self::Conflict(error.to_string()),
            StoreError::LifetimeOfPolicy(_) => Self::Invalid(error.to_string()),
            StoreError::TooMany(seconds) => Self::TooManySecrets(seconds),
            StoreError::Forbidden(rule) => Self::Invalid(rule.to_owned()),
            StoreError::Busy
            | StoreError::Unreachable(_)
            | StoreError::Database(_)
            | StoreError::Journal(_) => Self::Unavailable(error.to_string()),
            _ => Self::Internal(error.to_string()),
        }
    }
}

impl From<NoRandomness> for Problem {
    fn from(error: NoRandomness) -> Self {
        Self::Internal(error.to_string())
    }
}

/// Maps `Missing` for an object named in the body: a bad request instead of 404.
pub(crate) fn named_in_body(what: &'static str) -> impl FnOnce(StoreError) -> Problem {
    move |error| match error {
        StoreError::Missing => Problem::Invalid(format!("there is no such {what}")),
        other => other.into(),
    }
}
