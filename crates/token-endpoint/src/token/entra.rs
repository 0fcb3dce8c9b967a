//! What both Entra dialects share: `appidacr`, the audience of assertions, and the error body.

use actix_web::HttpResponse;
use chrono::Utc;
use domain::credential::CredentialKind;
use serde_json::json;

use crate::{
    http::request_id::RequestId,
    refusal::Failure,
    state::{Settings, TokenService},
};

/// Microsoft's libraries sign with RS256 or PS256.
pub(crate) const ASSERTION_ALGORITHMS: &[&str] = &["RS256", "PS256", "ES256", "EdDSA"];
/// In seconds. Microsoft's libraries issue assertions for 10 minutes.
pub(crate) const LONGEST_ASSERTION: i64 = 900;

/// `appidacr` and `azpacr`: how the client authenticated, 1 by secret, 2 by key or certificate.
pub(crate) fn acr(proof: CredentialKind) -> &'static str {
    match proof {
        CredentialKind::Secret => "1",
        CredentialKind::Key | CredentialKind::Federated => "2",
    }
}

/// Whether a URL is a token endpoint of this server, under any alias of the tenant, in any case.
pub(crate) fn is_token_endpoint(settings: &Settings, named: &str, path: &str) -> bool {
    let below = named.strip_prefix(settings.public_url.as_str());
    let below = below.and_then(|rest| rest.strip_prefix('/'));
    let parts = below.and_then(|rest| rest.split_once('/'));
    parts.is_some_and(|(tenant, rest)| settings.is_own_tenant(tenant) && rest == path)
}

/// The error body with seven members. Both of its ids are the request id.
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
