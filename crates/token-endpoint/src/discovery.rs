//! Metadata and keys, where OAuth clients and where Entra clients look for them. Every URL comes from configuration,
//! never from the Host header.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use keystore::JWKS_MAX_AGE_SECONDS;
use oauth2_types::metadata::ServerMetadata;
use serde_json::json;

use crate::{conditional, issue::Shape, state::TokenService};

/// The same at every endpoint.
const AUTHENTICATION: &[&str] = &["client_secret_basic", "client_secret_post"];

impl TokenService {
    fn metadata(&self, shape: Shape) -> ServerMetadata {
        let (url, tenant) = (&self.settings.public_url, &self.settings.tenant_id);
        let (token, jwks, authorize) = match shape {
            Shape::Rfc9068 => (
                "oauth2/token".to_owned(),
                "oauth2/jwks".to_owned(),
                "oauth2/authorize",
            ),
            Shape::EntraV1 => (
                format!("{tenant}/oauth2/token"),
                format!("{tenant}/discovery/keys"),
                "oauth2/authorize",
            ),
            Shape::EntraV2 => (
                format!("{tenant}/oauth2/v2.0/token"),
                format!("{tenant}/discovery/v2.0/keys"),
                "oauth2/v2.0/authorize",
            ),
        };
        ServerMetadata {
            issuer: self.issuer(shape),
            token_endpoint: format!("{url}/{token}"),
            jwks_uri: format!("{url}/{jwks}"),
            authorization_endpoint: format!("{url}/{tenant}/{authorize}"),
            token_endpoint_auth_methods_supported: AUTHENTICATION,
            introspection_endpoint: format!("{url}/oauth2/introspect"),
            introspection_endpoint_auth_methods_supported: AUTHENTICATION,
            revocation_endpoint: format!("{url}/oauth2/revoke"),
            revocation_endpoint_auth_methods_supported: AUTHENTICATION,
            grant_types_supported: &["client_credentials"],
            response_types_supported: &["none"],
            subject_types_supported: &["public"],
            id_token_signing_alg_values_supported: &["RS256"],
        }
    }
}

fn document(service: &TokenService, shape: Shape) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .json(service.metadata(shape))
}

pub(crate) async fn root(service: web::Data<TokenService>) -> HttpResponse {
    document(&service, Shape::Rfc9068)
}

pub(crate) async fn tenant_v1(service: web::Data<TokenService>) -> HttpResponse {
    document(&service, Shape::EntraV1)
}

pub(crate) async fn tenant_v2(service: web::Data<TokenService>) -> HttpResponse {
    document(&service, Shape::EntraV2)
}

/// RFC 7517 §5, with the conditional request of RFC 9110 §13.1.2.
pub(crate) async fn jwks(service: web::Data<TokenService>, request: HttpRequest) -> HttpResponse {
    let set = service.keys.load().jwks(service.clock.now());
    let tag: Vec<&str> = set
        .keys
        .iter()
        .filter_map(|key| key.common.key_id.as_deref())
        .collect();
    let tag = conditional::tag(tag.join(".").as_bytes());
    let age = format!("public, max-age={JWKS_MAX_AGE_SECONDS}");
    conditional::answer(&request, tag, age, |mut answer| answer.json(set))
}

/// What MSAL asks before it trusts an authority.
pub(crate) async fn instance(service: web::Data<TokenService>) -> HttpResponse {
    let (url, tenant) = (&service.settings.public_url, &service.settings.tenant_id);
    let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host);
    HttpResponse::Ok().json(json!({
        "tenant_discovery_endpoint": format!("{url}/{tenant}/v2.0/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
    }))
}

/// The authorization endpoint that metadata must name: nobody signs in here.
pub(crate) async fn authorize() -> HttpResponse {
    HttpResponse::BadRequest().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "error": "unsupported_response_type",
        "error_description": "this server issues tokens to systems by client credentials only; use the token endpoint",
    }))
}
