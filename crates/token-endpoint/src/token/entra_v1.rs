//! `/{tenant}/oauth2/token`: Entra's v1 endpoint, which takes the resource from `resource` and returns numbers as
//! strings.

use actix_web::HttpResponse;
use domain::{client::Grant, credential::CredentialKind};
use oauth2_types::{
    answer::EntraV1TokenResponse,
    claims::{CommonClaims, EntraV1Claims},
};
use serde::Serialize;

use super::{
    dialect::{Dialect, Issued, Paths, Target, only_one, registered_name},
    entra,
    request::TokenRequest,
};
use crate::{
    http::request_id::RequestId,
    refusal::{Failure, FormCause, Parameter, TargetCause},
    state::{Settings, TokenService},
};

/// Entra's v1 dialect.
pub(crate) struct EntraV1;

impl Dialect for EntraV1 {
    const KIND: &'static str = "entra_v1";
    const TYP: &'static str = "JWT";
    const ASSERTION_ALGORITHMS: &'static [&'static str] = entra::ASSERTION_ALGORITHMS;
    const LONGEST_ASSERTION: i64 = entra::LONGEST_ASSERTION;
    const LIKE_ENTRA: bool = true;

    fn is_audience(settings: &Settings, named: &str) -> bool {
        entra::is_token_endpoint(settings, named, "oauth2/token")
    }

    fn issuer(settings: &Settings) -> String {
        format!("{}/{}/", settings.public_url, settings.tenant_id)
    }

    fn paths(tenant_id: &str) -> Paths {
        Paths {
            token: format!("{tenant_id}/oauth2/token"),
            jwks: format!("{tenant_id}/discovery/keys"),
            authorize: format!("{tenant_id}/oauth2/authorize"),
        }
    }

    /// From the body or the query; the same value in both counts once.
    fn named_resource(request: &TokenRequest) -> Result<Option<&str>, Failure> {
        let mut named: Vec<&str> = request.resources.iter().map(String::as_str).collect();
        for resource in &request.resources_in_query {
            if !named.contains(&resource.as_str()) {
                named.push(resource);
            }
        }
        only_one(&named)
    }

    fn unnamed() -> Failure {
        FormCause::Missing(Parameter::Resource).into()
    }

    fn target<'a>(
        grant: &'a Grant,
        named: Option<&'a str>,
        _: &'a TokenRequest,
    ) -> Result<Target<'a>, TargetCause> {
        Ok(Target::whole(grant, registered_name(grant, named)))
    }

    fn claims<'a>(common: CommonClaims<'a>, _: &'a str, proof: CredentialKind) -> impl Serialize + 'a {
        EntraV1Claims {
            appid: common.sub,
            appidacr: entra::acr(proof),
            idp: common.iss,
            oid: common.sub,
            uti: common.jti,
            ver: "1.0",
            common,
        }
    }

    fn success(issued: &Issued, target: &Target<'_>) -> HttpResponse {
        let expires_in = issued.expires_in.to_string();
        issued.answer(&EntraV1TokenResponse {
            token_type: issued.token_type,
            expires_in: &expires_in,
            ext_expires_in: &expires_in,
            expires_on: issued.expires_at.to_string(),
            not_before: issued.not_before.to_string(),
            resource: &target.audience,
        })
    }

    fn refusal(service: &TokenService, failure: &Failure, id: RequestId) -> HttpResponse {
        entra::refusal(service, failure, id)
    }
}
