//! What both of Entra's dialects share: the error body.

use actix_web::HttpResponse;
use chrono::Utc;
use domain::random;
use serde_json::json;

use crate::{refusal::Failure, state::TokenService};

/// The error body of seven keys.
pub(crate) fn refusal(service: &TokenService, failure: &Failure) -> HttpResponse {
    let row = failure.cause().row();
    let id = || random::uuid(&*service.random).map_or_else(|_| String::new(), |id| id.to_string());
    let (code, trace, correlation) = (row.entra_code, id(), id());
    let now = service.clock.now().with_timezone(&Utc);
    let timestamp = now.format("%Y-%m-%d %H:%M:%SZ").to_string();
    let text = row.entra.text(&service.settings.support_address);
    failure.head(&row.entra).json(json!({
        "error": row.entra.error,
        "error_description": format!(
            "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
        ),
        "error_codes": [code],
        "timestamp": timestamp,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": format!("{}/error?code={code}", service.settings.public_url),
    }))
}
