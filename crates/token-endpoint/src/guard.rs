//! Around every request: a time limit, a panic that stays ours, and one line in the log. The line names the route and
//! never the path or the query, which may hold what somebody pasted by mistake.

use std::{panic::AssertUnwindSafe, time::Duration};

use actix_web::{
    Error, HttpMessage, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{Method, StatusCode},
    middleware::Next,
    web,
};
use domain::audit::Source;
use futures_util::FutureExt;
use log::Level;

use crate::{failure::Failure, source::source, state::TokenService};

/// The longest that a request may take, its body included: slow senders don't hold connections.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// What a handler adds to the log line of its request; never holds a secret.
pub(crate) struct LogDetail(pub(crate) String);

/// The middleware.
pub async fn guard(
    service: web::Data<TokenService>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = service.clock.monotonic();
    let from = source(request.request(), &service.settings.trusted_proxies);
    request.extensions_mut().insert(Source(from));
    let answer = AssertUnwindSafe(tokio::time::timeout(TIME_LIMIT, next.call(request)))
        .catch_unwind()
        .await;
    let answer = match answer {
        Ok(Ok(answer)) => answer?.map_into_boxed_body(),
        Ok(Err(_)) => {
            return Err(replaced(
                "a request took too long",
                HttpResponse::RequestTimeout().finish(),
            ));
        }
        Err(_) => {
            let cause = "a handler panicked";
            return Err(replaced(cause, Failure::Internal(cause.to_owned()).response()));
        }
    };
    let took = service.clock.monotonic().saturating_sub(began);
    let route = answer.request().match_pattern();
    let route = route.as_deref().unwrap_or("unknown route");
    service.metrics.requested(&answer, route, took);
    write_line(&service, &answer, route, took);
    Ok(answer)
}

fn replaced(cause: &'static str, answer: HttpResponse) -> Error {
    log::error!("{} {cause}", answer.status().as_u16());
    InternalError::from_response(cause, answer).into()
}

fn write_line(service: &TokenService, answer: &ServiceResponse<BoxBody>, route: &str, took: Duration) {
    let request = answer.request();
    let level = level(answer.status(), route);
    if !log::log_enabled!(level) {
        return;
    }
    let extensions = request.extensions();
    let detail = extensions
        .get::<LogDetail>()
        .map_or("", |detail| detail.0.as_str());
    let named = answer
        .headers()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .map_or_else(String::new, |id| format!(" request={id}"));
    log::log!(
        level,
        "{} {route} {} {}us source={}{named} {detail}",
        known_method(request.method()),
        answer.status().as_u16(),
        took.as_micros(),
        source(request, &service.settings.trusted_proxies),
    );
}

fn level(status: StatusCode, route: &str) -> Level {
    match status.as_u16() {
        500.. => Level::Error,
        400.. => Level::Warn,
        _ if matches!(route, "/livez" | "/readyz") => Level::Debug,
        _ => Level::Info,
    }
}

/// A method is input too: only those of the standard are written down.
pub(crate) fn known_method(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "TRACE" | "CONNECT") => {
            known
        }
        _ => "other",
    }
}
