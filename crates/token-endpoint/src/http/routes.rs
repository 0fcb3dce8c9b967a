//! Which handler is at which path.

use actix_web::{
    FromRequest, Handler, HttpResponse, Resource, Responder,
    guard::{Guard, GuardContext},
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    web,
};

use super::{
    discovery,
    form::MAX_BODY,
    health,
    paths::{TENANT_TOKEN, TENANT_TOKEN_V2, TOKEN},
    problem::problem,
};
use crate::{
    client::rotation,
    refusal::error_page,
    state::TokenService,
    status::{introspection, list, revocation},
    token::{endpoint::token, entra_v1::EntraV1, entra_v2::EntraV2, rfc9068::Rfc9068},
};

/// Where RFC 8414 §3.1 puts the metadata of an issuer without a path; an issuer's path comes behind it.
const SERVER_METADATA: &str = "/.well-known/oauth-authorization-server";

/// Adds all routes to an application whose data holds this [`TokenService`]. A router asks one route after the other: those
/// that are asked most come first.
pub fn configure(config: &mut web::ServiceConfig, service: &web::Data<TokenService>) {
    config
        .app_data(web::PayloadConfig::new(MAX_BODY))
        .route(TOKEN, web::route().to(token::<Rfc9068>))
        .route("/oauth2/introspect", web::route().to(introspection::introspect))
        .route("/oauth2/revoke", web::route().to(revocation::revoke))
        .route("/oauth2/rotate-secret", web::route().to(rotation::rotate))
        .route(TENANT_TOKEN, web::route().to(token::<EntraV1>))
        .route(TENANT_TOKEN_V2, web::route().to(token::<EntraV2>))
        .service(readable("/oauth2/jwks", discovery::jwks))
        .service(readable(SERVER_METADATA, discovery::metadata::<Rfc9068>))
        .service(readable(
            "/.well-known/openid-configuration",
            discovery::metadata::<Rfc9068>,
        ))
        .service(readable("/common/discovery/instance", discovery::instance))
        .service(readable("/oauth2/statuslists/{number}", list::list))
        .service(readable("/oauth2/statuslists", list::lists))
        .service(readable("/error", explained_errors))
        .service(readable("/livez", health::livez))
        .service(readable("/readyz", health::readyz));
    tenant_routes(config, service);
    config.default_service(web::to(no_such_path));
}

/// Under every name of the tenant, in any case; other tenants are unknown paths.
fn tenant_routes(config: &mut web::ServiceConfig, service: &web::Data<TokenService>) {
    let own = || OwnTenant(service.clone());
    let inserted = |path: &str| format!("{SERVER_METADATA}/{{tenant}}{path}");
    let readable_at = |path: &str| readable(path, discovery::jwks).guard(own());
    config
        .service(readable_at("/{tenant}/discovery/keys"))
        .service(readable_at("/{tenant}/discovery/v2.0/keys"));
    for path in [
        "/{tenant}/.well-known/openid-configuration",
        &inserted(""),
        &inserted("/"),
    ] {
        config.service(readable(path, discovery::metadata::<EntraV1>).guard(own()));
    }
    for path in [
        "/{tenant}/v2.0/.well-known/openid-configuration",
        &inserted("/v2.0"),
    ] {
        config.service(readable(path, discovery::metadata::<EntraV2>).guard(own()));
    }
    for path in ["/{tenant}/oauth2/authorize", "/{tenant}/oauth2/v2.0/authorize"] {
        let authorize = web::resource(path).guard(own());
        config.service(authorize.default_service(web::to(discovery::authorize)));
    }
}

/// Lets a request pass whose path names this server's tenant.
struct OwnTenant(web::Data<TokenService>);

impl Guard for OwnTenant {
    fn check(&self, context: &GuardContext<'_>) -> bool {
        let path = context.head().uri.path();
        let tenant = path.strip_prefix(SERVER_METADATA).unwrap_or(path);
        let tenant = tenant.split('/').nth(1).unwrap_or_default();
        self.0.settings.is_own_tenant(tenant)
    }
}

/// What can be read and nothing else (RFC 9110 §9.3.1, §9.3.2, §9.3.7).
pub fn readable<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args, Output: Responder + 'static> + Clone,
    Args: FromRequest + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .route(web::method(Method::OPTIONS).to(what_is_allowed))
        .default_service(web::to(only_readable))
}

async fn what_is_allowed() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ALLOW, "GET, HEAD, OPTIONS"))
        .finish()
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

async fn explained_errors(service: web::Data<TokenService>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body(error_page(&service.settings.support_address))
}
