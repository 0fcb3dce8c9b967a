//! The Entra-compatible routes: how they name a resource, what they answer, and the error codes that clients branch on.

use actix_web::HttpResponse;
use chrono::Utc;
use domain::{
    authentication::{AuthenticatedClient, TargetRefusal},
    random,
};
use serde_json::json;

use crate::{
    entra_codes as codes,
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
        let (code, text) = codes::code_and_text(failure);
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
        failure.head().status(codes::status(failure)).json(json!({
            "error": codes::error(failure),
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
        let (code, text) = codes::code_and_text(failure);
        format!("AADSTS{code}  {}  {text}\n", codes::error(failure))
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
