//! What both of Entra's dialects share: the error body.

use actix_web::HttpResponse;
use chrono::Utc;
use serde_json::json;

use crate::{http::request_id::RequestId, refusal::Failure, state::TokenService};

/// The error body of seven keys. Both of its ids are the request's.
pub(crate) fn refusal(service: &TokenService, failure: &Failure, id: RequestId) -> HttpResponse {
    let row = failure.cause().row();
    let (code, id) = (row.entra_code, id.0);
    let now = service.clock.now().with_timezone(&Utc);
    let timestamp = now.format("%Y-%m-%d %H:%M:%SZ").to_string();
    let text = row.entra.text(&service.settings.support_address);
    failure.head(&row.entra).json(json!({
        "error": row.entra.error,
        "error_description": format!(
            "AADSTS{code}: {text} Trace ID: {id} Correlation ID: {id} Timestamp: {timestamp}"
        ),
        "error_codes": [code],
        "timestamp": timestamp,
        "trace_id": id,
        "correlation_id": id,
        "error_uri": format!("{}/error?code={code}", service.settings.public_url),
    }))
}
