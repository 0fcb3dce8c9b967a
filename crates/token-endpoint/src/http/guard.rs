//! Around every request: an id, a turn among all sources, no coded body, a time limit, a panic that stays ours, changes that run
//! to their end, headers of every answer, one line in the log.

use std::{borrow::Cow, net::IpAddr, panic::AssertUnwindSafe, rc::Rc, time::Duration};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::header::{HeaderMap, HeaderValue, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS},
    middleware::Next,
    web,
};
use domain::audit::Source;
use futures_util::{FutureExt, future::LocalBoxFuture};
use store::turns::on_behalf_of;

use super::{
    changes::{Change, is_change},
    fast_path::TokenEndpoint,
    line::{self, RequestContext},
    paths::token_route,
    pieces::in_pieces,
    refuse::{is_coded, refuse},
    request_id::{RequestId, X_REQUEST_ID},
    rounds::Rounds,
    source::source,
};
use crate::{
    refusal::{Failure, FormCause},
    state::TokenService,
};

/// The longest that a request may take, its body included: slow senders don't hold connections.
const TIME_LIMIT: Duration = Duration::from_secs(15);

type Answer = Result<ServiceResponse<BoxBody>, Error>;

/// The middleware of one worker.
pub fn guard<B: MessageBody + 'static>(
    service: web::Data<TokenService>,
) -> impl Fn(ServiceRequest, Next<B>) -> LocalBoxFuture<'static, Answer> {
    let rounds = Rc::new(Rounds::default());
    move |request, next| {
        let (service, rounds) = (service.clone(), Rc::clone(&rounds));
        let source = source(request.request(), &service.settings.trusted_proxies);
        async move {
            let began = service.clock.monotonic();
            rounds.turn(source).await;
            let admitted = service.clock.monotonic();
            let answer = guarded(&service, request, next, (source, began)).await;
            rounds.spent(source, service.clock.monotonic().saturating_sub(admitted));
            answer
        }
        .boxed_local()
    }
}

async fn guarded(
    service: &web::Data<TokenService>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    (source, began): (IpAddr, Duration),
) -> Answer {
    let id = service.request_ids.id(request.headers());
    request.extensions_mut().insert(Source(source));
    request.extensions_mut().insert(id);
    let context = RequestContext {
        id,
        began,
        source,
        route: route(&request),
    };
    if is_coded(request.headers()) {
        return Ok(refused(
            service,
            request,
            &context,
            &FormCause::ContentEncoding.into(),
        ));
    }
    if !is_change(request.method(), &context.route) {
        let work = on_behalf_of(source, answered(service.clone(), request, next, context));
        return in_time(service, id, work).await;
    }
    let Some(change) = Change::begin(&service.changes, source) else {
        return Ok(refused(service, request, &context, &Failure::Throttled(1)));
    };
    let work = on_behalf_of(source, answered(service.clone(), request, next, context));
    // Who drops a handle leaves its task alone: when the connection ends, or the time, the work goes on.
    let task = actix_web::rt::spawn(async move {
        let answer = work.await;
        drop(change);
        answer
    });
    in_time(
        service,
        id,
        task.map(|ended| ended.unwrap_or_else(|_| Err(failed(service, id)))),
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
    context: RequestContext,
) -> Answer {
    let handled = handled(&service, &context.route, request, next);
    let answer = AssertUnwindSafe(handled).catch_unwind().await;
    let mut answer = answer.map_err(|_| failed(&service, context.id))??;
    mark(&service, answer.headers_mut(), context.id);
    note(&service, &answer, &context);
    Ok(in_pieces(answer))
}

async fn handled(
    service: &web::Data<TokenService>,
    route: &str,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Answer {
    match TokenEndpoint::at(route, request.path(), service) {
        Some(endpoint) => Box::pin(endpoint.answer(service.clone(), request)).await,
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

/// On every answer.
fn mark(service: &TokenService, headers: &mut HeaderMap, id: RequestId) {
    headers.insert(X_REQUEST_ID, id.header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if service.settings.strict_transport {
        let a_year = HeaderValue::from_static("max-age=31536000");
        headers.insert(STRICT_TRANSPORT_SECURITY, a_year);
    }
}

async fn in_time(service: &TokenService, id: RequestId, work: impl Future<Output = Answer>) -> Answer {
    let late = |_| {
        replaced(
            service,
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
    context: &RequestContext,
    failure: &Failure,
) -> ServiceResponse<BoxBody> {
    let mut answer = request.into_response(refuse(service, context, failure));
    mark(service, answer.headers_mut(), context.id);
    note(service, &answer, context);
    answer
}

fn note(service: &TokenService, answer: &ServiceResponse<BoxBody>, context: &RequestContext) {
    let took = service.clock.monotonic().saturating_sub(context.began);
    let method = line::known_method(answer.request().method());
    let status = answer.status();
    service
        .metrics
        .requested([&context.route, method, status.as_str()], took);
    line::write(service, answer, context, took);
}

fn failed(service: &TokenService, id: RequestId) -> Error {
    let cause = "a handler panicked";
    let failure = Failure::Internal(cause.into());
    replaced(
        service,
        id,
        cause,
        failure.response(&service.settings.support_address, id),
    )
}

fn replaced(service: &TokenService, id: RequestId, cause: &'static str, mut answer: HttpResponse) -> Error {
    mark(service, answer.headers_mut(), id);
    log::error!("{} {cause} request={}", answer.status().as_u16(), id.0);
    InternalError::from_response(cause, answer).into()
}
