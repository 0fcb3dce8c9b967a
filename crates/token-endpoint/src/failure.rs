//! Everything that can go wrong at the OAuth endpoints, and its answer outside the Entra routes (RFC 6749 §5.2). The cause
//! goes to the log, the code to the wire.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use oauth2_types::error::{ErrorBody, ErrorCode};
use store::StoreError;

/// A refused request.
#[derive(Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Failure {
    Method,
    TooLarge,
    ContentEncoding,
    Malformed(&'static str),
    Missing(&'static str),
    UnsupportedGrant,
    NoClient,
    NoSecret,
    UnknownClient,
    WrongSecret { is_secret_id: bool },
    Expired,
    Disabled,
    Scope(&'static str),
    SeveralResources,
    AmbiguousResource,
    UnknownResource,
    ResourceNotGranted,
    ResourceOnV2,
    UnknownTenant,
    Throttled(u64),
    Unavailable(StoreError),
    Internal(String),
}

const AUTHENTICATION_FAILED: &str = "client authentication failed: check client id and client secret";

/// RFC 6749 §5.2, RFC 7617 §2.1.
const CHALLENGE: &str = r#"Basic realm="wmda-auth", charset="UTF-8""#;

impl Failure {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NoClient
            | Self::NoSecret
            | Self::UnknownClient
            | Self::WrongSecret { .. }
            | Self::Expired
            | Self::Disabled => StatusCode::UNAUTHORIZED,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// For the log: the variant, and a failure of ours in its own words. Nothing in it comes from the request.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Unavailable(error) => format!("Unavailable: {error}"),
            Self::Internal(error) => format!("Internal: {error}"),
            other => format!("refused: {other:?}"),
        }
    }

    /// Whether this counts as a failed authentication.
    pub(crate) fn is_failed_authentication(&self) -> bool {
        matches!(
            self,
            Self::UnknownClient | Self::WrongSecret { .. } | Self::Disabled
        )
    }

    fn code_and_text(&self) -> (ErrorCode, &'static str) {
        use ErrorCode::*;
        match self {
            Self::Method => (InvalidRequest, "this endpoint accepts POST only"),
            Self::TooLarge => (InvalidRequest, "the body exceeds 16 KiB"),
            Self::ContentEncoding => (InvalidRequest, "send the body as it is, without Content-Encoding"),
            Self::Malformed(text) => (InvalidRequest, text),
            Self::Missing("grant_type") => (InvalidRequest, "grant_type is missing: send client_credentials"),
            Self::Missing("token") => (InvalidRequest, "the parameter token is missing"),
            Self::Missing(_) => (InvalidRequest, "a required parameter is missing"),
            Self::UnsupportedGrant => (UnsupportedGrantType, "the only grant type is client_credentials"),
            Self::NoClient | Self::NoSecret => (
                InvalidClient,
                "send client id and client secret by HTTP Basic or in the body",
            ),
            Self::UnknownClient | Self::WrongSecret { .. } | Self::Disabled => {
                (InvalidClient, AUTHENTICATION_FAILED)
            }
            Self::Expired => (
                InvalidClient,
                "this client secret has expired: create a new one at Manage API Credentials",
            ),
            Self::Scope(text) => (InvalidScope, text),
            Self::SeveralResources => (
                InvalidTarget,
                "a token is for one resource: send the resource parameter once",
            ),
            Self::AmbiguousResource => (
                InvalidTarget,
                "several resources are possible: name one in the resource parameter",
            ),
            Self::UnknownResource | Self::ResourceNotGranted => (
                InvalidTarget,
                "the resource is unknown or not granted to this client",
            ),
            Self::ResourceOnV2 | Self::UnknownTenant => {
                (InvalidRequest, "the request does not fit this endpoint")
            }
            Self::Throttled(_) => (
                TemporarilyUnavailable,
                "too many failed attempts: wait as Retry-After says",
            ),
            Self::Unavailable(_) => (
                TemporarilyUnavailable,
                "the server can't answer now: try again shortly",
            ),
            Self::Internal(_) => (ServerError, "the server failed; the failure is logged"),
        }
    }

    /// What was wrong, for answers of another form.
    pub(crate) fn text(&self) -> &'static str {
        self.code_and_text().1
    }

    /// The answer outside the Entra routes.
    pub(crate) fn response(&self) -> HttpResponse {
        let (error, error_description) = self.code_and_text();
        self.head().json(ErrorBody {
            error,
            error_description,
        })
    }

    /// Status and headers, the same on every route.
    pub(crate) fn head(&self) -> HttpResponseBuilder {
        let mut answer = HttpResponse::build(self.status());
        no_store(&mut answer);
        let extra = match self {
            Self::Method => Some((header::ALLOW, "POST".to_owned())),
            Self::Throttled(seconds) => Some((header::RETRY_AFTER, seconds.to_string())),
            Self::Unavailable(_) => Some((header::RETRY_AFTER, "1".to_owned())),
            _ if self.status() == StatusCode::UNAUTHORIZED => {
                Some((header::WWW_AUTHENTICATE, CHALLENGE.to_owned()))
            }
            _ => None,
        };
        if let Some(extra) = extra {
            answer.insert_header(extra);
        }
        answer
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

/// RFC 6749 §5.1: nothing that this endpoint answers may be cached.
pub(crate) fn no_store(answer: &mut HttpResponseBuilder) {
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::PRAGMA, "no-cache"));
}
