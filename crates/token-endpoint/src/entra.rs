//! The Entra-compatible routes: how they name a resource, what they answer, and the error codes that clients branch on.

use actix_web::{HttpResponse, http::StatusCode};
use chrono::Utc;
use domain::{
    authentication::{AuthenticatedClient, TargetRefusal},
    random,
};
use serde_json::json;

use crate::{
    failure::{Failure, no_store},
    issue::{Issued, Shape},
    request::TokenRequest,
    state::TokenService,
};

const DEFAULT_SUFFIX: &str = "/.default";

/// The resource that a request names: `resource` on v1, `scope=<resource>/.default` on v2.
pub(crate) fn named_resource(request: &TokenRequest, shape: Shape) -> Result<Option<String>, Failure> {
    if shape == Shape::EntraV1 {
        return match &request.resources[..] {
            [] => Ok(None),
            [one] => Ok(Some(one.clone())),
            _ => Err(Failure::SeveralResources),
        };
    }
    if !request.resources.is_empty() {
        return Err(Failure::ResourceOnV2);
    }
    let scopes: Vec<&str> = request
        .scope
        .iter()
        .flat_map(|scope| scope.split_whitespace())
        .collect();
    match scopes[..] {
        [] => Ok(None),
        [one] => Ok(Some(
            one.strip_suffix(DEFAULT_SUFFIX)
                .ok_or(Failure::Scope("not /.default"))?
                .to_owned(),
        )),
        _ if scopes.iter().all(|scope| scope.ends_with(DEFAULT_SUFFIX)) => Err(Failure::SeveralResources),
        _ => Err(Failure::Scope("not /.default")),
    }
}

impl TokenService {
    /// Issues on an Entra route.
    pub(crate) async fn entra_token(
        &self,
        client: &AuthenticatedClient,
        request: &TokenRequest,
        shape: Shape,
    ) -> Result<HttpResponse, Failure> {
        let named = named_resource(request, shape)?;
        let grant = match client.grant(named.as_deref()) {
            Ok(grant) => grant,
            Err(TargetRefusal::Ambiguous) if shape == Shape::EntraV1 => {
                return Err(Failure::Missing("resource"));
            }
            Err(TargetRefusal::Ambiguous) => return Err(Failure::Missing("scope")),
            Err(TargetRefusal::NotGranted) => {
                return Err(self.explain_target(named.as_deref().unwrap_or_default()).await?);
            }
        };
        let id = grant.resource.id.to_string();
        let by_uri = named
            .as_deref()
            .filter(|named| grant.resource.uri.as_deref() == Some(*named));
        let audience = by_uri.filter(|_| shape == Shape::EntraV1).unwrap_or(&id);
        let issued = self.issue(client, &grant, audience, (&grant.roles, &grant.scope), shape)?;
        Ok(success(&issued, audience, shape))
    }

    async fn explain_target(&self, named: &str) -> Result<Failure, Failure> {
        let known = self
            .store
            .resources()
            .await?
            .iter()
            .any(|resource| resource.is_named_by(named));
        Ok(if known {
            Failure::ResourceNotGranted
        } else {
            Failure::UnknownResource
        })
    }

    /// The seven-key error body.
    pub(crate) fn entra_error(&self, failure: &Failure) -> HttpResponse {
        let (code, error, text, status) = entra_code(failure);
        let id = || {
            random::uuid(&*self.random)
                .map(|id| id.to_string())
                .unwrap_or_default()
        };
        let (trace, correlation) = (id(), id());
        let timestamp = self
            .clock
            .now()
            .with_timezone(&Utc)
            .format("%Y-%m-%d %H:%M:%SZ")
            .to_string();
        let description = format!(
            "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
        );
        failure.head().status(status).json(json!({
            "error": error,
            "error_description": description,
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("{}/error?code={code}", self.settings.public_url),
        }))
    }
}

/// Where `error_uri` leads: what each code of the table means, for the developer of the client.
pub(crate) async fn error_page() -> HttpResponse {
    let explained = [
        Failure::WrongSecret { is_secret_id: false },
        Failure::Expired,
        Failure::NoSecret,
        Failure::UnknownClient,
        Failure::Disabled,
        Failure::UnknownResource,
        Failure::ResourceNotGranted,
        Failure::Scope(""),
        Failure::SeveralResources,
        Failure::Missing("grant_type"),
        Failure::UnknownTenant,
        Failure::UnsupportedGrant,
        Failure::ResourceOnV2,
        Failure::Throttled(0),
    ];
    let lines = explained.iter().map(|failure| {
        let (code, error, text, _) = entra_code(failure);
        format!("AADSTS{code}  {error}  {text}\n")
    });
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(lines.collect::<String>())
}

fn success(issued: &Issued, audience: &str, shape: Shape) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    no_store(&mut answer);
    if shape == Shape::EntraV2 {
        return answer.json(json!({
            "token_type": "Bearer", "expires_in": issued.expires_in, "ext_expires_in": issued.expires_in,
            "access_token": issued.token,
        }));
    }
    answer.json(json!({
        "token_type": "Bearer", "expires_in": issued.expires_in.to_string(),
        "ext_expires_in": issued.expires_in.to_string(), "expires_on": issued.expires_at.to_string(),
        "not_before": issued.not_before.to_string(), "resource": audience, "access_token": issued.token,
    }))
}

fn entra_code(failure: &Failure) -> (u32, &'static str, &'static str, StatusCode) {
    const BAD: StatusCode = StatusCode::BAD_REQUEST;
    let same = failure.status();
    match failure {
        Failure::Method => (
            900_561,
            "invalid_request",
            "This endpoint accepts POST only.",
            same,
        ),
        Failure::TooLarge => (9_002_313, "invalid_request", "The body exceeds 16 KiB.", same),
        Failure::Malformed(text) => (9_002_313, "invalid_request", text, BAD),
        Failure::Missing("resource") => (
            900_144,
            "invalid_request",
            "The body must contain the parameter 'resource'.",
            BAD,
        ),
        Failure::Missing("scope") => (
            900_144,
            "invalid_request",
            "The body must contain the parameter 'scope'.",
            BAD,
        ),
        Failure::Missing(_) => (
            900_144,
            "invalid_request",
            "The body must contain the parameter 'grant_type'.",
            BAD,
        ),
        Failure::UnsupportedGrant => (
            70_003,
            "unsupported_grant_type",
            "The only grant type is client_credentials.",
            BAD,
        ),
        Failure::NoClient => (
            900_144,
            "invalid_request",
            "The body must contain the parameter 'client_id'.",
            BAD,
        ),
        Failure::NoSecret => (
            7_000_216,
            "invalid_client",
            "The body must contain the parameter 'client_secret'.",
            same,
        ),
        Failure::UnknownClient => (
            700_016,
            "unauthorized_client",
            "No application has this client id.",
            BAD,
        ),
        Failure::WrongSecret { is_secret_id: true } => (
            7_000_215,
            "invalid_client",
            "The id of a secret was sent: send its value, which was shown once at its creation.",
            same,
        ),
        Failure::WrongSecret { .. } => (
            7_000_215,
            "invalid_client",
            "The client secret is wrong; send its value and not its id.",
            same,
        ),
        Failure::Expired => (
            7_000_222,
            "invalid_client",
            "The client secret has expired: create a new one.",
            same,
        ),
        Failure::Disabled => (
            7_000_112,
            "unauthorized_client",
            "The application is disabled: contact support@wmda.info.",
            BAD,
        ),
        Failure::Scope(_) => (
            1_002_012,
            "invalid_scope",
            "The scope must be one resource followed by /.default.",
            BAD,
        ),
        Failure::SeveralResources => (
            700_022,
            "invalid_scope",
            "A token is for one resource; several were named.",
            BAD,
        ),
        Failure::UnknownResource | Failure::AmbiguousResource => {
            (500_011, "invalid_resource", "The resource is unknown.", BAD)
        }
        Failure::ResourceNotGranted => (
            650_057,
            "invalid_resource",
            "The resource is not granted to this client.",
            BAD,
        ),
        Failure::ResourceOnV2 => (
            901_002,
            "invalid_request",
            "This endpoint takes 'scope', not 'resource'.",
            BAD,
        ),
        Failure::UnknownTenant => (
            90_002,
            "invalid_request",
            "The tenant in the path is unknown.",
            BAD,
        ),
        Failure::Throttled(_) => (
            90_055,
            "temporarily_unavailable",
            "Too many failed attempts: wait as Retry-After says.",
            same,
        ),
        Failure::Unavailable(_) => (
            90_033,
            "temporarily_unavailable",
            "The server can't answer now: try again shortly.",
            same,
        ),
        Failure::Internal(_) => (
            50_000,
            "server_error",
            "The server failed; the failure is logged.",
            same,
        ),
    }
}
