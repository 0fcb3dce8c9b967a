//! Authorization server metadata (discovery documents) and the JWKS, where OAuth and Entra clients look for them.
//! Every URL comes from configuration, never from the Host header.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use jose::dpop;
use keystore::{Algorithm, JWKS_MAX_AGE_SECONDS};
use oauth2_types::metadata::ServerMetadata;
use serde_json::json;

use super::conditional;
use crate::{
    state::TokenService,
    status::index,
    token::{dialect::Dialect, entra_v2::EntraV2, rfc9068::Rfc9068},
};

/// Authentication methods of clients, at the token and revocation endpoints.
const CLIENTS: &[&str] = &["client_secret_basic", "client_secret_post", "private_key_jwt"];
/// Authentication methods of resource servers at the introspection endpoint: secrets only.
const RESOURCE_SERVERS: &[&str] = &["client_secret_basic", "client_secret_post"];

impl TokenService {
    fn metadata<D: Dialect>(&self) -> ServerMetadata {
        let url = &self.settings.public_url;
        let paths = D::paths(&self.settings.tenant_id);
        ServerMetadata {
            issuer: D::issuer(&self.settings),
            token_endpoint: format!("{url}/{}", paths.token),
            jwks_uri: format!("{url}/{}", paths.jwks),
            authorization_endpoint: format!("{url}/{}", paths.authorize),
            token_endpoint_auth_methods_supported: CLIENTS,
            token_endpoint_auth_signing_alg_values_supported: D::ASSERTION_ALGORITHMS,
            introspection_endpoint: format!("{url}/oauth2/introspect"),
            introspection_endpoint_auth_methods_supported: RESOURCE_SERVERS,
            revocation_endpoint: format!("{url}/oauth2/revoke"),
            revocation_endpoint_auth_methods_supported: CLIENTS,
            revocation_endpoint_auth_signing_alg_values_supported: Rfc9068::ASSERTION_ALGORITHMS,
            status_list_aggregation_endpoint: index::aggregation_uri(&self.settings),
            dpop_signing_alg_values_supported: dpop::ALGORITHMS.map(Algorithm::name),
            grant_types_supported: &["client_credentials"],
            response_types_supported: &["none"],
            subject_types_supported: &["public"],
            id_token_signing_alg_values_supported: &["RS256"],
        }
    }
}

/// A dialect's metadata (RFC 8414 §3, OpenID Connect Discovery 1.0 §4). Whichever alias of the tenant is in the path,
/// the document names the tenant as configured, as Entra does; the endpoints accept every alias.
pub(crate) async fn metadata<D: Dialect>(service: web::Data<TokenService>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .json(service.metadata::<D>())
}

/// The JWKS (RFC 7517 §5), with conditional requests (RFC 9110 §13.1.2).
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

/// Entra's instance discovery, which MSAL asks before it trusts an authority.
pub(crate) async fn instance(service: web::Data<TokenService>) -> HttpResponse {
    let url = &service.settings.public_url;
    let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host);
    HttpResponse::Ok().json(json!({
        "tenant_discovery_endpoint": format!("{}/.well-known/openid-configuration", EntraV2::issuer(&service.settings)),
        "api-version": "1.1",
        "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
    }))
}

/// The authorization endpoint that the metadata must name; it refuses everybody, as users don't sign in here.
pub(crate) async fn authorize() -> HttpResponse {
    HttpResponse::BadRequest().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "error": "unsupported_response_type",
        "error_description": "this server issues tokens to systems by client credentials only; use the token endpoint",
    }))
}
