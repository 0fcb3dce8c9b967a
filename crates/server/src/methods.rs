//! HEAD and OPTIONS on the management API (RFC 9110 §9.3.2, §9.3.7), whose routes name only what changes or shows something:
//! link checkers, balancers and probes ask by them.

use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
};

const MANAGEMENT: &str = "/api/v1/";

/// Answers HEAD as GET, whose body is then not sent, and OPTIONS by the methods that a path takes.
pub async fn head_and_options(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let asked = request.method().clone();
    let is_management = request.path().starts_with(MANAGEMENT);
    if is_management && asked == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let answer = next.call(request).await?.map_into_boxed_body();
    if is_management && asked == Method::OPTIONS && answer.status() == StatusCode::METHOD_NOT_ALLOWED {
        let known = answer.headers().get(header::ALLOW);
        let known = known.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let head = if known.contains("GET") { ", HEAD" } else { "" };
        let allowed = HttpResponse::NoContent()
            .insert_header((header::ALLOW, format!("{known}{head}, OPTIONS")))
            .finish();
        return Ok(answer.into_response(allowed));
    }
    Ok(answer)
}
