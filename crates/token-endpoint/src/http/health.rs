//! For balancers, probes and operators: whether the process lives, whether it can issue, what it counted.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::TimeDelta;
use serde_json::json;

use super::request_id::RequestId;
use crate::{metrics, refusal::Failure, state::TokenService};

pub(crate) async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// By how much this machine's clock may differ from the database's before what it issues is of no use.
const CLOCK_LIMIT: TimeDelta = TimeDelta::seconds(60);

/// Ready while the node can issue, its lease being valid or a poll now successful, its clock right, and it not about to stop.
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

/// `GET /metrics` in Prometheus' text format, for `server.metrics_bind` alone.
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
