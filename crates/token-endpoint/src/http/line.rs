//! One line in the log for a request. It names the route and never the path or the query, which may hold what somebody
//! pasted by mistake. What anybody can ask for fills no log: one source gets so many lines a second, the rest is counted.

use std::{borrow::Cow, net::IpAddr, num::NonZeroU32, time::Duration};

use actix_web::{
    HttpMessage,
    body::BoxBody,
    dev::ServiceResponse,
    http::{Method, StatusCode},
};
use domain::{audit::FailureCause, source::network};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use log::Level;

use super::{log_detail::LogDetail, request_id::RequestId};
use crate::state::TokenService;

/// Lines a second for what one source asks without proving who it is, and how many at once.
const PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(499);

/// How many lines each source has left.
pub(crate) struct Lines(DefaultKeyedRateLimiter<IpAddr>);

impl Default for Lines {
    fn default() -> Self {
        Self(RateLimiter::keyed(
            Quota::per_second(PER_SECOND).allow_burst(BURST),
        ))
    }
}

impl Lines {
    /// Forgets whoever has been quiet.
    pub(crate) fn forget_idle(&self) {
        self.0.retain_recent();
    }
}

/// What is known of a request before it is handled.
pub(crate) struct Asked {
    pub(crate) id: RequestId,
    pub(crate) began: Duration,
    pub(crate) source: IpAddr,
    pub(crate) route: Cow<'static, str>,
}

pub(crate) fn write(
    service: &TokenService,
    answer: &ServiceResponse<BoxBody>,
    asked: &Asked,
    took: Duration,
) {
    let request = answer.request();
    let level = level(answer.status(), &asked.route);
    if !log::log_enabled!(level) {
        return;
    }
    if by_anybody(request.method(), answer.status())
        && service.lines.0.check_key(&network(asked.source)).is_err()
    {
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
        asked.route,
        answer.status().as_u16(),
        took.as_micros(),
        asked.source,
        asked.id.0,
    );
}

/// What is done is always written down; a refusal, or what is only read, needs no proof of who asks.
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

/// A method is input too: only those of the standard are written down.
pub(crate) fn known_method(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "TRACE" | "CONNECT") => {
            known
        }
        _ => "other",
    }
}
