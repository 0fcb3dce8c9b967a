//! Liveness and readiness probes, and the metrics endpoint.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::TimeDelta;
use serde_json::json;

use super::request_id::RequestId;
use crate::{metrics, refusal::Failure, state::TokenService};

pub(crate) async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// Clock skew between this machine and the database above which the node is not ready: its tokens would be rejected.
const CLOCK_LIMIT: TimeDelta = TimeDelta::seconds(60);

/// Readiness: the lease is valid or a poll now succeeds, the clock is right, and the node is not draining.
pub(crate) async fn readyz(service: web::Data<TokenService>) -> HttpResponse {
    if service.is_draining() {
        return HttpResponse::ServiceUnavailable().json(json!({ "status": "this node is stopping" }));
    }
    if service.memory.clock_ahead().abs() > CLOCK_LIMIT {
        let status = "this machine's clock and the database's differ by more than a minute";
        return HttpResponse::ServiceUnavailable().json(json!({ "status": status }));
    }
    if service.pepper.is_behind() {
        let status = "the pepper file lacks the version that is active: copy it from another node";
        return HttpResponse::ServiceUnavailable().json(json!({ "status": status }));
    }
    if service.memory.has_lease() || service.memory.poll().await.is_ok() {
        return HttpResponse::Ok().json(json!({ "status": "ok" }));
    }
    HttpResponse::ServiceUnavailable().json(json!({ "status": "the database does not answer" }))
}

/// `GET /metrics` in Prometheus' text format, served on `server.metrics_bind` only.
pub async fn show_metrics(http: HttpRequest, service: web::Data<TokenService>) -> HttpResponse {
    let waiting = i64::try_from(service.usage.waiting()).unwrap_or(i64::MAX);
    match service
        .metrics
        .text(service.memory.has_lease(), waiting, service.refusals.left_out())
    {
        Ok(text) => HttpResponse::Ok().content_type(metrics::TEXT_FORMAT).body(text),
        Err(error) => {
            Failure::Internal(error.into()).response(&service.settings.support_address, RequestId::of(&http))
        }
    }
}
