//! Around every request: no coded body, a time limit, a panic that stays ours, changes that run to their end, one line in
//! the log.

use std::{borrow::Cow, panic::AssertUnwindSafe, time::Duration};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS},
    middleware::Next,
    web,
};
use domain::audit::Source;
use futures_util::FutureExt;

use super::{
    changes::{Change, is_change},
    line::{self, Asked},
    refuse::{is_coded, refuse},
    routes::token_route,
    source::source,
};
use crate::{
    refusal::{Failure, FormCause},
    state::TokenService,
};

/// The longest that a request may take, its body included: slow senders don't hold connections.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// The middleware.
pub async fn guard(
    service: web::Data<TokenService>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let source = source(request.request(), &service.settings.trusted_proxies);
    request.extensions_mut().insert(Source(source));
    let asked = Asked {
        began: service.clock.monotonic(),
        source,
        route: route(&request),
    };
    if is_coded(request.headers()) {
        return Ok(refused(
            &service,
            request,
            &asked,
            &FormCause::ContentEncoding.into(),
        ));
    }
    if !is_change(request.method(), &asked.route) {
        return in_time(answered(service, request, next, asked)).await;
    }
    let Some(change) = Change::begin(&service, source) else {
        return Ok(refused(&service, request, &asked, &Failure::Throttled(1)));
    };
    let work = answered(service.clone(), request, next, asked);
    // Who drops a handle leaves its task alone: when the connection ends, or the time, the work goes on.
    let task = actix_web::rt::spawn(async move {
        let answer = work.await;
        drop(change);
        answer
    });
    in_time(task.map(|ended| ended.unwrap_or_else(|_| Err(failed(&service))))).await
}

/// The pattern of the path. That of the token endpoints, which are asked most, is seen without going through all routes.
fn route(request: &ServiceRequest) -> Cow<'static, str> {
    if let Some(known) = token_route(request.path()) {
        return Cow::Borrowed(known);
    }
    let pattern = request.match_pattern();
    pattern.map_or(Cow::Borrowed("unknown route"), Cow::Owned)
}

/// What the handler answers, counted and written down.
async fn answered(
    service: web::Data<TokenService>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    asked: Asked,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let answer = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let answer = answer.map_err(|_| failed(&service))??.map_into_boxed_body();
    note(&service, &answer, &asked);
    Ok(answer)
}

async fn in_time(
    work: impl Future<Output = Result<ServiceResponse<BoxBody>, Error>>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let late = |_| replaced("a request took too long", HttpResponse::RequestTimeout().finish());
    tokio::time::timeout(TIME_LIMIT, work).await.map_err(late)?
}

fn refused(
    service: &TokenService,
    request: ServiceRequest,
    asked: &Asked,
    failure: &Failure,
) -> ServiceResponse<BoxBody> {
    let answer = request.into_response(refuse(service, &asked.route, failure));
    note(service, &answer, asked);
    answer
}

fn note(service: &TokenService, answer: &ServiceResponse<BoxBody>, asked: &Asked) {
    let took = service.clock.monotonic().saturating_sub(asked.began);
    let method = line::known_method(answer.request().method());
    let status = answer.status();
    service
        .metrics
        .requested([&asked.route, method, status.as_str()], took);
    line::write(service, answer, asked, took);
}

fn failed(service: &TokenService) -> Error {
    let cause = "a handler panicked";
    let failure = Failure::Internal(cause.into());
    replaced(cause, failure.response(&service.settings.support_address))
}

fn replaced(cause: &'static str, mut answer: HttpResponse) -> Error {
    answer
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    log::error!("{} {cause}", answer.status().as_u16());
    InternalError::from_response(cause, answer).into()
}
