//! The extractor for actix-web: a handler that takes a [`VerifiedToken`] can't forget the check.

use std::{fmt, future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError,
    dev::Payload,
    http::{StatusCode, header},
    web,
};
use oauth2_types::bearer::{self, BearerError};

use crate::{Rejection, VerifiedToken, Verifier};

/// A refused request: 401 or 403 with a challenge (RFC 6750 §3), 503 when the token can't be checked. The reason stays in the log.
#[derive(Debug)]
pub enum Denied {
    /// No bearer token, or more than one.
    Missing,
    /// A token that is not accepted.
    Rejected(Rejection),
    /// The application was built without `web::Data<Verifier>`.
    NotConfigured,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("a bearer token is needed"),
            Self::Rejected(reason) => reason.fmt(f),
            Self::NotConfigured => f.write_str("the application has no web::Data<Verifier>"),
        }
    }
}

impl From<Rejection> for Denied {
    fn from(reason: Rejection) -> Self {
        Self::Rejected(reason)
    }
}

impl Denied {
    fn bearer_error(&self) -> Option<BearerError> {
        match self {
            Self::Missing => Some(BearerError::Missing),
            Self::Rejected(reason) => reason.bearer_error(),
            Self::NotConfigured => None,
        }
    }
}

impl ResponseError for Denied {
    fn status_code(&self) -> StatusCode {
        match self.bearer_error() {
            Some(BearerError::InsufficientScope) => StatusCode::FORBIDDEN,
            Some(_) => StatusCode::UNAUTHORIZED,
            None if matches!(self, Self::NotConfigured) => StatusCode::INTERNAL_SERVER_ERROR,
            None => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.status_code());
        match self.bearer_error() {
            Some(error) => answer.insert_header((header::WWW_AUTHENTICATE, error.challenge())),
            None => answer.insert_header((header::RETRY_AFTER, "1")),
        };
        answer.finish()
    }
}

impl FromRequest for VerifiedToken {
    type Error = Denied;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Denied>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let verifier = request.app_data::<web::Data<Verifier>>().cloned();
        let token = presented(request).map(str::to_owned);
        Box::pin(async move {
            let verifier = verifier.ok_or(Denied::NotConfigured)?;
            let outcome = verifier.verify(&token.ok_or(Denied::Missing)?).await;
            outcome.map_err(|reason| {
                log::info!("a token was refused: {reason}");
                Denied::Rejected(reason)
            })
        })
    }
}

fn presented(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let first = headers.next()?;
    match headers.next() {
        None => bearer::parse(first.as_bytes()),
        Some(_) => None,
    }
}
