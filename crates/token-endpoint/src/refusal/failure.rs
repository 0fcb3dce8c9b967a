//! A refused request, and its error response outside the Entra routes (RFC 6749 §5.2). The cause goes to the log, its
//! code to the client.

use std::error::Error;

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use jose::dpop::{self, ProofError};
use oauth2_types::error::ErrorBody;
use store::StoreError;
use uuid::Uuid;

use crate::http::request_id::RequestId;

use super::{Answer, Cause, ClientCause, FormCause, ProofCause, RotationCause, ServerCause, TargetCause};

/// A cause, with the details of this request.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The client's fault.
    Refused(Cause),
    /// A DPoP nonce is required; holds the nonce to use (RFC 9449 §8).
    NonceNeeded(String),
    /// The caller holds, or held, this credential.
    OfCredential(ClientCause, Uuid),
    /// Too many failed authentications; holds the seconds to wait.
    Throttled(u64),
    /// Rate limit of an authenticated client; holds the seconds to wait.
    TooOften(u64),
    /// The secret was rotated too recently; holds the seconds to wait.
    TooSoon(u64),
    /// A database error.
    Unavailable(StoreError),
    /// An internal error.
    Internal(Box<dyn Error + Send + Sync>),
}

/// The `WWW-Authenticate` challenge (RFC 6749 §5.2, RFC 7617 §2.1).
const CHALLENGE: &str = r#"Basic realm="wmda-auth", charset="UTF-8""#;

impl Failure {
    /// The cause, whose row holds the error response.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Refused(cause) => *cause,
            Self::NonceNeeded(_) => Cause::Proof(ProofCause::UseNonce),
            Self::OfCredential(cause, _) => Cause::Client(*cause),
            Self::Throttled(_) => Cause::Server(ServerCause::Throttled),
            Self::TooOften(_) => Cause::Server(ServerCause::TooOften),
            Self::TooSoon(_) => Cause::Rotation(RotationCause::RotatedBefore),
            Self::Unavailable(_) => Cause::Server(ServerCause::Unavailable),
            Self::Internal(_) => Cause::Server(ServerCause::Internal),
        }
    }

    /// The credential of the refused caller.
    pub(crate) fn credential_id(&self) -> Option<Uuid> {
        match self {
            Self::OfCredential(_, id) => Some(*id),
            _ => None,
        }
    }

    /// For the log: the cause, and the text of an internal error. Nothing in it comes from the request.
    pub(crate) fn log_text(&self) -> String {
        match self {
            Self::Refused(cause) => format!("refused: {cause:?}"),
            Self::NonceNeeded(_) => "refused: UseNonce".to_owned(),
            Self::OfCredential(cause, id) => format!("refused: {cause:?} credential_id={id}"),
            Self::Throttled(seconds) => format!("refused: Throttled({seconds})"),
            Self::TooOften(seconds) => format!("refused: TooOften({seconds})"),
            Self::TooSoon(seconds) => format!("refused: RotatedBefore({seconds})"),
            Self::Unavailable(error) => format!("Unavailable: {error}"),
            Self::Internal(error) => format!("Internal: {error}"),
        }
    }

    /// The error response outside the Entra routes.
    pub(crate) fn response(&self, support_address: &str, id: RequestId) -> HttpResponse {
        let answer = self.cause().row().standard;
        self.head(&answer).json(ErrorBody {
            error: answer.error,
            error_description: &answer.text(support_address),
            trace_id: &id.0.to_string(),
        })
    }

    /// Status and headers of an error response.
    pub(crate) fn head(&self, answer: &Answer) -> HttpResponseBuilder {
        let mut head = HttpResponse::build(answer.status);
        no_store(&mut head);
        let retry_after = |seconds: u64| (header::RETRY_AFTER, seconds.to_string());
        let extra = match self {
            Self::Refused(Cause::Form(FormCause::Method)) => Some((header::ALLOW, "POST".to_owned())),
            Self::Throttled(seconds) | Self::TooOften(seconds) | Self::TooSoon(seconds) => {
                Some(retry_after(*seconds))
            }
            Self::NonceNeeded(nonce) => {
                Some((header::HeaderName::from_static(dpop::NONCE_HEADER), nonce.clone()))
            }
            Self::Unavailable(_) => Some(retry_after(1)),
            _ if answer.status == StatusCode::UNAUTHORIZED => {
                Some((header::WWW_AUTHENTICATE, CHALLENGE.to_owned()))
            }
            _ => None,
        };
        if let Some(extra) = extra {
            head.insert_header(extra);
        }
        head
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

impl From<FormCause> for Failure {
    fn from(cause: FormCause) -> Self {
        Self::Refused(Cause::Form(cause))
    }
}

impl From<ClientCause> for Failure {
    fn from(cause: ClientCause) -> Self {
        Self::Refused(Cause::Client(cause))
    }
}

impl From<RotationCause> for Failure {
    fn from(cause: RotationCause) -> Self {
        Self::Refused(Cause::Rotation(cause))
    }
}

impl From<ProofCause> for Failure {
    fn from(cause: ProofCause) -> Self {
        Self::Refused(Cause::Proof(cause))
    }
}

impl From<ProofError> for Failure {
    fn from(error: ProofError) -> Self {
        ProofCause::InvalidProof(error).into()
    }
}

impl From<TargetCause> for Failure {
    fn from(cause: TargetCause) -> Self {
        Self::Refused(Cause::Target(cause))
    }
}

/// RFC 6749 §5.1: responses of this endpoint must not be cached.
pub(crate) fn no_store(answer: &mut HttpResponseBuilder) {
    answer
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
        .insert_header((header::PRAGMA, HeaderValue::from_static("no-cache")));
}
