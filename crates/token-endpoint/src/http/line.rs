//! The access log: one line per request. It names the route, never the path or the query, which may hold a secret
//! pasted by mistake. Unauthenticated requests are rate-limited per source, so that nobody floods the log; suppressed
//! lines are counted.
//!
//! The path of this module is the log target of request lines, by which operators filter: it keeps its name.

use std::{borrow::Cow, net::IpAddr, time::Duration};

use actix_web::{
    HttpMessage,
    body::BoxBody,
    dev::ServiceResponse,
    http::{Method, StatusCode},
};
use domain::audit::FailureCause;
use log::Level;

use super::{log_detail::LogDetail, request_id::RequestId};
use crate::state::TokenService;

/// What is known of a request before its handler runs.
pub(crate) struct RequestContext {
    pub(crate) id: RequestId,
    pub(crate) began: Duration,
    pub(crate) source: IpAddr,
    pub(crate) route: Cow<'static, str>,
}

pub(crate) fn write(
    service: &TokenService,
    answer: &ServiceResponse<BoxBody>,
    context: &RequestContext,
    took: Duration,
) {
    let request = answer.request();
    let level = level(answer.status(), &context.route);
    if !log::log_enabled!(level) {
        return;
    }
    if by_anybody(request.method(), answer.status()) && !service.access_log_limiter.admit(context.source) {
        service.metrics.left_out();
        return;
    }
    let extensions = request.extensions();
    let nothing = LogDetail::default();
    let detail = extensions.get().unwrap_or(&nothing);
    let extensions = answer.response().extensions();
    let cause = extensions
        .get::<FailureCause>()
        .map_or("", |cause| cause.0.as_str());
    log::log!(
        level,
        "{} {} {} {}us source={} request={} {detail}{cause}",
        known_method(request.method()),
        context.route,
        answer.status().as_u16(),
        took.as_micros(),
        context.source,
        context.id.0,
    );
}

/// Whether the request needed no authentication to get this far: successful changes are always logged; reads and
/// refusals are rate-limited.
fn by_anybody(method: &Method, status: StatusCode) -> bool {
    method.is_safe() || !status.is_success()
}

fn level(status: StatusCode, route: &str) -> Level {
    match status.as_u16() {
        500.. => Level::Error,
        400.. => Level::Warn,
        _ if matches!(route, "/livez" | "/readyz") => Level::Debug,
        _ => Level::Info,
    }
}

/// The method is untrusted input too: only standard methods are logged by name.
pub(crate) fn known_method(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "TRACE" | "CONNECT") => {
            known
        }
        _ => "other",
    }
}
