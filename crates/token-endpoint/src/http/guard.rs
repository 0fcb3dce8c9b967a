//! Around every request: an id, no coded body, a time limit, a panic that stays ours, changes that run to their end, one line in
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
use store::turns::on_behalf_of;

use super::{
    changes::{Change, is_change},
    line::{self, Asked},
    refuse::{is_coded, refuse},
    request_id::{RequestId, X_REQUEST_ID},
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
    let id = service.request_ids.id(request.headers());
    request.extensions_mut().insert(Source(source));
    request.extensions_mut().insert(id);
    let asked = Asked {
        id,
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
        let work = on_behalf_of(source, answered(service, request, next, asked));
        return in_time(id, work).await;
    }
    let Some(change) = Change::begin(&service, source) else {
        return Ok(refused(&service, request, &asked, &Failure::Throttled(1)));
    };
    let work = on_behalf_of(source, answered(service.clone(), request, next, asked));
    // Who drops a handle leaves its task alone: when the connection ends, or the time, the work goes on.
    let task = actix_web::rt::spawn(async move {
        let answer = work.await;
        drop(change);
        answer
    });
    in_time(
        id,
        task.map(|ended| ended.unwrap_or_else(|_| Err(failed(&service, id)))),
    )
    .await
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
    let answer = answer.map_err(|_| failed(&service, asked.id))??;
    let mut answer = answer.map_into_boxed_body();
    answer.headers_mut().insert(X_REQUEST_ID, asked.id.header());
    note(&service, &answer, &asked);
    Ok(answer)
}

async fn in_time(
    id: RequestId,
    work: impl Future<Output = Result<ServiceResponse<BoxBody>, Error>>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let late = |_| {
        replaced(
            id,
            "a request took too long",
            HttpResponse::RequestTimeout().finish(),
        )
    };
    tokio::time::timeout(TIME_LIMIT, work).await.map_err(late)?
}

fn refused(
    service: &TokenService,
    request: ServiceRequest,
    asked: &Asked,
    failure: &Failure,
) -> ServiceResponse<BoxBody> {
    let mut answer = request.into_response(refuse(service, asked, failure));
    answer.headers_mut().insert(X_REQUEST_ID, asked.id.header());
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

fn failed(service: &TokenService, id: RequestId) -> Error {
    let cause = "a handler panicked";
    let failure = Failure::Internal(cause.into());
    replaced(id, cause, failure.response(&service.settings.support_address, id))
}

fn replaced(id: RequestId, cause: &'static str, mut answer: HttpResponse) -> Error {
    let headers = answer.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_REQUEST_ID, id.header());
    log::error!("{} {cause} request={}", answer.status().as_u16(), id.0);
    InternalError::from_response(cause, answer).into()
}
