//! The demo's resource server: a sample API that validates bearer and DPoP-bound tokens (RFC 9449) with the
//! `verifier` crate. `serve` has none.

use std::{path::Path, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::header::{HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE},
    web,
};
use jose::dpop;
use keystore::Algorithm;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::{Value, json};
use strum::VariantArray;
use verifier::{
    Denied, Fetch, FetchError, Fetching, HttpFetch, Issuer, Settings, StatusPolicy, SystemClock,
    VerifiedToken, Verifier,
};

use super::samples::RESOURCES;
use crate::Outcome;

/// Path below the public URL.
pub const PATH: &str = "/demo/api";
/// RFC 9728 §3.1: the well-known path comes before the resource's path.
const METADATA: &str = "/.well-known/oauth-protected-resource";
/// Correlation id, echoed in the answer (FAPI 2.0 Implementation Advice §2.1).
const INTERACTION_ID: HeaderName = HeaderName::from_static("x-fapi-interaction-id");

/// The sample API; every worker has a copy.
#[derive(Clone)]
pub struct Api {
    verifier: web::Data<Verifier>,
    metadata: web::Data<Metadata>,
}

/// Protected resource metadata (RFC 9728 §2), and its URL.
struct Metadata {
    url: String,
    document: Value,
}

/// The server's public and local addresses.
pub struct ServerAddresses<'a> {
    pub public_url: &'a str,
    pub local_url: String,
    pub tenant_id: &'a str,
    /// PEM file of the CA of its certificate.
    pub authority: Option<&'a Path>,
}

impl Api {
    /// Builds the API; it accepts tokens for any of the sample resources.
    pub fn new(server: ServerAddresses<'_>) -> Outcome<Self> {
        let settings = Settings {
            issuers: Issuer::all(server.public_url, server.tenant_id),
            audiences: RESOURCES
                .iter()
                .flat_map(|one| [one.2, one.3])
                .map(str::to_owned)
                .collect(),
            algorithms: Algorithm::VARIANTS.to_vec(),
            skew_seconds: 30,
            status: StatusPolicy::Required,
        };
        let public_url = server.public_url.to_owned();
        let fetch = OwnServer {
            fetch: HttpFetch::trusting(roots(server.authority)?)?,
            public_url: public_url.clone(),
            local_url: server.local_url,
        };
        let verifier = Verifier::new(settings, Arc::new(fetch), Arc::new(SystemClock::start()))?;
        let metadata = Metadata {
            url: format!("{public_url}{METADATA}{PATH}"),
            document: json!({
                "resource": format!("{public_url}{PATH}"),
                "authorization_servers": [public_url],
                "bearer_methods_supported": ["header"],
                "dpop_signing_alg_values_supported": dpop::ALGORITHMS.map(Algorithm::name),
                "dpop_bound_access_tokens_required": false,
                "resource_name": "API of the demo",
            }),
        };
        Ok(Self {
            verifier: web::Data::new(verifier.with_dpop(server.public_url)?),
            metadata: web::Data::new(metadata),
        })
    }

    pub fn configure(&self, config: &mut web::ServiceConfig) {
        let api = web::resource(PATH)
            .app_data(self.verifier.clone())
            .app_data(self.metadata.clone())
            .route(web::get().to(caller));
        let metadata = web::resource(format!("{METADATA}{PATH}"))
            .app_data(self.metadata.clone())
            .route(web::get().to(described));
        config.service(api).service(metadata);
    }
}

fn roots(authority: Option<&Path>) -> Outcome<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = authority.filter(|file| file.exists()) {
        roots.add(CertificateDer::from_pem_file(file)?)?;
    }
    Ok(roots)
}

/// Authenticates the caller, or returns the refusal.
async fn caller(
    request: HttpRequest,
    token: Result<VerifiedToken, Denied>,
    metadata: web::Data<Metadata>,
) -> HttpResponse {
    let mut answer = match token {
        Ok(token) => HttpResponse::Ok().json(json!({
            "client_id": token.client_id(),
            "audience": token.audience(),
            "roles": token.roles(),
            "bound_to": token.key_thumbprint(),
        })),
        Err(denied) => {
            let mut answer = denied.error_response();
            tell_metadata(answer.headers_mut(), &metadata.url);
            answer
        }
    };
    if let Some(id) = request.headers().get(INTERACTION_ID) {
        answer.headers_mut().insert(INTERACTION_ID, id.clone());
    }
    answer
}

/// RFC 9728 §5.1: the challenge links to the metadata.
fn tell_metadata(headers: &mut HeaderMap, url: &str) {
    let challenges: Vec<HeaderValue> = headers.remove(WWW_AUTHENTICATE).collect();
    for challenge in challenges {
        let Ok(text) = challenge.to_str() else { continue };
        let separator = if text.contains('=') { "," } else { "" };
        if let Ok(value) = HeaderValue::from_str(&format!("{text}{separator} resource_metadata=\"{url}\"")) {
            headers.append(WWW_AUTHENTICATE, value);
        }
    }
}

async fn described(metadata: web::Data<Metadata>) -> HttpResponse {
    HttpResponse::Ok().json(&metadata.document)
}

/// Fetches from this server itself, even if its public address leads elsewhere.
struct OwnServer {
    fetch: HttpFetch,
    public_url: String,
    local_url: String,
}

impl Fetch for OwnServer {
    fn get<'a>(&'a self, url: &'a str) -> Fetching<'a> {
        Box::pin(async move {
            let path = url.strip_prefix(&self.public_url);
            let path = path.ok_or_else(|| FetchError(format!("{url} is not at this server")))?;
            self.fetch.get(&format!("{}{path}", self.local_url)).await
        })
    }
}
