//! Problem details for errors outside the OAuth endpoints (RFC 9457).

use actix_web::{HttpResponse, http::StatusCode};
use serde_json::json;

/// A problem details document.
pub(crate) fn problem(status: StatusCode, detail: &str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("application/problem+json")
        .json(json!({
            "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(), "detail": detail,
        }))
}
