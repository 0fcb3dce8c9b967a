//! Routes, and the handlers of the token endpoint.

use actix_web::{
    FromRequest, Handler, HttpMessage, HttpRequest, HttpResponse, Resource, Responder,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    web,
};
use oauth2_types::{answer::TokenResponse, scope};
use serde_json::json;

use crate::{
    discovery, entra,
    failure::{Failure, no_store},
    introspection,
    issue::Shape,
    line::LogDetail,
    request::{self, Presented, TokenRequest},
    revocation,
    source::source,
    state::TokenService,
    status_list,
};
use domain::{
    authentication::{AuthenticatedClient, TargetRefusal},
    resource::parse_guid,
};

/// The largest body that the token endpoint reads.
const MAX_BODY: usize = 16 * 1024;

/// Adds all routes to an application whose data holds a [`TokenService`].
pub fn configure(config: &mut web::ServiceConfig, tenant: &str) {
    let at = |path: &str| format!("/{tenant}{path}");
    config
        .app_data(web::PayloadConfig::new(MAX_BODY))
        .route("/oauth2/token", web::route().to(token))
        .route("/oauth2/introspect", web::route().to(introspection::introspect))
        .route("/oauth2/revoke", web::route().to(revocation::revoke))
        .service(readable("/oauth2/jwks", discovery::jwks))
        .service(readable(
            "/.well-known/oauth-authorization-server",
            discovery::root,
        ))
        .service(readable("/.well-known/openid-configuration", discovery::root))
        .service(readable("/common/discovery/instance", discovery::instance))
        .service(readable("/oauth2/statuslists/{number}", status_list::list))
        .service(readable("/error", entra::error_page))
        .service(readable("/livez", livez))
        .service(readable("/readyz", readyz))
        .service(readable(
            &at("/.well-known/openid-configuration"),
            discovery::tenant_v1,
        ))
        .service(readable(
            &at("/v2.0/.well-known/openid-configuration"),
            discovery::tenant_v2,
        ))
        .service(readable(&at("/discovery/keys"), discovery::jwks))
        .service(readable(&at("/discovery/v2.0/keys"), discovery::jwks))
        .route(&at("/oauth2/authorize"), web::route().to(discovery::authorize))
        .route(
            &at("/oauth2/v2.0/authorize"),
            web::route().to(discovery::authorize),
        )
        .route("/{tenant}/oauth2/token", web::route().to(entra_v1))
        .route("/{tenant}/oauth2/v2.0/token", web::route().to(entra_v2))
        .default_service(web::to(no_such_path));
}

/// What can be read and nothing else (RFC 9110 §9.3.1, §9.3.2).
fn readable<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args, Output: Responder + 'static> + Clone,
    Args: FromRequest + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::to(only_readable))
}

async fn only_readable() -> HttpResponse {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let mut answer = problem(status, "this path takes GET and HEAD");
    let allowed = HeaderValue::from_static("GET, HEAD");
    answer.headers_mut().insert(header::ALLOW, allowed);
    answer
}

async fn no_such_path() -> HttpResponse {
    problem(StatusCode::NOT_FOUND, "nothing is at this path")
}

/// An error outside the OAuth endpoints (RFC 9457).
pub(crate) fn problem(status: StatusCode, detail: &str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("application/problem+json")
        .json(json!({
            "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(), "detail": detail,
        }))
}

pub(crate) type Body = Result<web::Bytes, actix_web::Error>;

async fn token(http: HttpRequest, body: Body, service: web::Data<TokenService>) -> HttpResponse {
    let outcome = async {
        let (request, client) = service.admit(&http, body, false).await?;
        let answer = service.rfc_token(&client, &request)?;
        service.record(&http, &client);
        Ok(answer)
    };
    outcome.await.unwrap_or_else(|failure: Failure| {
        service.note_refusal(&http, &failure);
        failure.response()
    })
}

async fn entra_v1(http: HttpRequest, body: Body, service: web::Data<TokenService>) -> HttpResponse {
    entra_route(http, body, service, Shape::EntraV1).await
}

async fn entra_v2(http: HttpRequest, body: Body, service: web::Data<TokenService>) -> HttpResponse {
    entra_route(http, body, service, Shape::EntraV2).await
}

async fn entra_route(
    http: HttpRequest,
    body: Body,
    service: web::Data<TokenService>,
    shape: Shape,
) -> HttpResponse {
    let outcome = async {
        let ours = |tenant: &str| tenant.eq_ignore_ascii_case(&service.settings.tenant_id);
        if !http.match_info().get("tenant").is_some_and(ours) {
            return Err(Failure::UnknownTenant);
        }
        let (request, client) = service.admit(&http, body, true).await?;
        let answer = service.entra_token(&client, &request, shape).await?;
        service.record(&http, &client);
        Ok(answer)
    };
    outcome.await.unwrap_or_else(|failure: Failure| {
        service.note_refusal(&http, &failure);
        service.entra_error(&failure)
    })
}

/// The body of a POST.
pub(crate) fn posted(http: &HttpRequest, body: Body) -> Result<web::Bytes, Failure> {
    if http.method() != Method::POST {
        return Err(Failure::Method);
    }
    body.map_err(|error| match error.as_response_error().status_code().as_u16() {
        413 => Failure::TooLarge,
        _ => Failure::Malformed("the body could not be read"),
    })
}

/// Who asks, for the log line; only what looks like a client id is written down.
pub(crate) fn note_client(http: &HttpRequest, credentials: &Presented) {
    if let Some(client_id) = credentials.client_id.as_deref().and_then(parse_guid) {
        note(http, format!("client_id={client_id}"));
    }
}

impl TokenService {
    /// Method, form, grant type, credentials: the way to an authenticated client.
    async fn admit(
        &self,
        http: &HttpRequest,
        body: Body,
        entra: bool,
    ) -> Result<(TokenRequest, AuthenticatedClient), Failure> {
        let request = request::read(http, &posted(http, body)?, entra)?;
        note_client(http, &request.credentials);
        let client = self
            .authenticate(&request, source(http, &self.settings.trusted_proxies), entra)
            .await?;
        Ok((request, client))
    }

    /// Issues on `/oauth2/token` (RFC 6749 §5.1, RFC 8707 §2).
    fn rfc_token(
        &self,
        client: &AuthenticatedClient,
        request: &TokenRequest,
    ) -> Result<HttpResponse, Failure> {
        let named = match &request.resources[..] {
            [] => None,
            [one] => Some(one.as_str()),
            _ => return Err(Failure::SeveralResources),
        };
        let grant = client.grant(named).map_err(|refusal| match refusal {
            TargetRefusal::Ambiguous => Failure::AmbiguousResource,
            TargetRefusal::NotGranted => Failure::ResourceNotGranted,
        })?;
        let id = grant.resource.id.to_string();
        let audience = named
            .filter(|named| grant.resource.uri.as_deref() == Some(*named))
            .unwrap_or(&id);
        let roles: Vec<String> = match request.scope.as_deref() {
            None => grant.roles.clone(),
            Some(asked) => {
                let asked = scope::parse(asked).map_err(|_| {
                    Failure::Scope("the scope has a character that RFC 6749 section 3.3 forbids")
                })?;
                if !asked
                    .iter()
                    .all(|role| grant.roles.iter().any(|granted| granted == role))
                {
                    return Err(Failure::Scope(
                        "a scope is unknown or not granted on this resource",
                    ));
                }
                asked.into_iter().map(str::to_owned).collect()
            }
        };
        let scope = roles.join(" ");
        let issued = self.issue(client, &grant, audience, (&roles, &scope), Shape::Rfc9068)?;
        let mut answer = HttpResponse::Ok();
        no_store(&mut answer);
        Ok(answer.json(TokenResponse {
            access_token: &issued.token,
            token_type: "Bearer",
            expires_in: issued.expires_in,
            scope: &scope,
        }))
    }

    fn record(&self, http: &HttpRequest, client: &AuthenticatedClient) {
        let source = source(http, &self.settings.trusted_proxies);
        let agent = http
            .headers()
            .get("user-agent")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let agent: String = agent.chars().take(200).collect();
        self.usage
            .record(client.secret_id(), self.clock.now(), &source.to_string(), &agent);
        note(http, format!("secret_id={}", client.secret_id()));
    }

    /// For the log line and the metrics.
    pub(crate) fn note_refusal(&self, http: &HttpRequest, failure: &Failure) {
        note(http, failure.cause());
        self.metrics.refused(failure);
    }

    /// Housekeeping, called now and then.
    pub fn forget_idle_sources(&self) {
        self.throttle.forget_idle();
        self.lines.forget_idle();
    }
}

/// For the log line. A failure's variant names the cause; none of them holds input.
pub(crate) fn note(http: &HttpRequest, detail: String) {
    let mut extensions = http.extensions_mut();
    match extensions.get_mut::<LogDetail>() {
        Some(LogDetail(noted)) => {
            noted.push(' ');
            noted.push_str(&detail);
        }
        None => drop(extensions.insert(LogDetail(detail))),
    }
}

async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// Ready while the node can issue: its lease is valid, or a poll now succeeds.
async fn readyz(service: web::Data<TokenService>) -> HttpResponse {
    if service.memory.has_lease() || service.memory.poll().await.is_ok() {
        return HttpResponse::Ok().json(json!({ "status": "ok" }));
    }
    HttpResponse::ServiceUnavailable().json(json!({ "status": "the database does not answer" }))
}
