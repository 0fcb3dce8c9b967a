//! The actix-web extractor: a handler that takes a [`VerifiedToken`] can't forget the validation.

use std::{fmt, future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, ResponseError,
    dev::Payload,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use jose::dpop;
use oauth2_types::bearer::{self, BearerError, DpopError, Scheme};

use crate::{ProvenRequest, Rejection, VerifiedToken, Verifier};

/// A refused request: 401 or 403 with challenges (RFC 6750 §3, RFC 9449 §7.1), 503 if the token can't be validated
/// now. The reason goes to the log only.
#[derive(Debug)]
pub enum Denied {
    /// No token, or more than one.
    Missing {
        /// Whether the API accepts DPoP-bound tokens, too.
        knows_dpop: bool,
    },
    /// A bearer token is rejected.
    Rejected(Rejection),
    /// A DPoP-bound token or its proof is rejected, or the proof is missing.
    Unproven(Rejection),
    /// The application was built without `web::Data<Verifier>`.
    NotConfigured,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { .. } => f.write_str("an access token is needed"),
            Self::Rejected(reason) | Self::Unproven(reason) => reason.fmt(f),
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
    /// The answer: status, and the challenges of the accepted schemes.
    fn told(&self) -> (StatusCode, Vec<&'static str>) {
        let unauthorized = StatusCode::UNAUTHORIZED;
        match self {
            Self::NotConfigured => (StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
            Self::Missing { knows_dpop } => {
                let dpop = knows_dpop.then(|| DpopError::Missing.challenge());
                let challenges = [BearerError::Missing.challenge()].into_iter().chain(dpop);
                (unauthorized, challenges.collect())
            }
            Self::Unproven(reason) if reason.dpop_error().is_some() => {
                let error = reason.dpop_error().map(DpopError::challenge);
                (unauthorized, error.into_iter().collect())
            }
            Self::Rejected(reason) | Self::Unproven(reason) => match reason.bearer_error() {
                None => (StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
                Some(error) => {
                    let lacks_role = error == BearerError::InsufficientScope;
                    let status = if lacks_role {
                        StatusCode::FORBIDDEN
                    } else {
                        unauthorized
                    };
                    (status, vec![error.challenge()])
                }
            },
        }
    }
}

impl ResponseError for Denied {
    fn status_code(&self) -> StatusCode {
        self.told().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, challenges) = self.told();
        let mut answer = HttpResponse::build(status);
        for challenge in challenges {
            let value = HeaderValue::from_static(challenge);
            answer.append_header((header::WWW_AUTHENTICATE, value));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header((header::RETRY_AFTER, "1"));
        }
        answer.finish()
    }
}

impl FromRequest for VerifiedToken {
    type Error = Denied;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Denied>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let verifier = request.app_data::<web::Data<Verifier>>().cloned();
        let presented = Presented::of(request);
        Box::pin(async move {
            let verifier = verifier.ok_or(Denied::NotConfigured)?;
            let outcome = presented.verify(&verifier).await;
            outcome.inspect_err(|reason| log::info!("a token was refused: {reason}"))
        })
    }
}

/// The token and proof that a request presents.
struct Presented {
    token: Option<(Scheme, String)>,
    proofs: Vec<String>,
    method: String,
    path: String,
}

impl Presented {
    fn of(request: &HttpRequest) -> Self {
        let mut headers = request.headers().get_all(header::AUTHORIZATION);
        let token = match (headers.next(), headers.next()) {
            (Some(one), None) => bearer::presented(one.as_bytes()),
            _ => None,
        };
        let proofs = request.headers().get_all(dpop::HEADER);
        Self {
            token: token.map(|(scheme, token)| (scheme, token.to_owned())),
            // A header that is no text can't be a proof.
            proofs: proofs
                .map(|proof| proof.to_str().unwrap_or_default().to_owned())
                .collect(),
            method: request.method().as_str().to_owned(),
            path: request.uri().path().to_owned(),
        }
    }

    async fn verify(&self, verifier: &Verifier) -> Result<VerifiedToken, Denied> {
        let knows_dpop = verifier.knows_dpop();
        match &self.token {
            Some((Scheme::Bearer, token)) => {
                let outcome = verifier.verify(token).await;
                outcome.map_err(|reason| match reason {
                    Rejection::BoundToken if knows_dpop => Denied::Unproven(reason),
                    _ => Denied::Rejected(reason),
                })
            }
            Some((Scheme::Dpop, token)) if knows_dpop => {
                let [proof] = &self.proofs[..] else {
                    return Err(Denied::Unproven(Rejection::NoProof));
                };
                let request = ProvenRequest {
                    proof,
                    method: &self.method,
                    path: &self.path,
                };
                verifier
                    .verify_proven(token, request)
                    .await
                    .map_err(Denied::Unproven)
            }
            _ => Err(Denied::Missing { knows_dpop }),
        }
    }
}
