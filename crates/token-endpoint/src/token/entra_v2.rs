//! `/{tenant}/oauth2/v2.0/token`: Entra's v2 endpoint, which takes the resource from `scope=<resource>/.default`.

use std::borrow::Cow;

use actix_web::HttpResponse;
use domain::{client::Grant, credential::CredentialKind};
use oauth2_types::{
    answer::EntraV2TokenResponse,
    claims::{CommonClaims, EntraV2Claims},
};
use serde::Serialize;

use super::{
    dialect::{Dialect, Issued, Paths, Target, only_one},
    entra,
    request::TokenRequest,
};
use crate::{
    http::request_id::RequestId,
    refusal::{Failure, FormCause, Parameter, TargetCause},
    state::{Settings, TokenService},
};

const DEFAULT_SUFFIX: &str = "/.default";
/// MSAL for Java and Go always add these; without a user they grant nothing and are ignored.
const OPENID_SCOPES: [&str; 4] = ["openid", "profile", "offline_access", "email"];

/// Entra's v2 dialect.
pub(crate) struct EntraV2;

impl Dialect for EntraV2 {
    const KIND: &'static str = "entra_v2";
    const TYP: &'static str = "JWT";
    const ASSERTION_ALGORITHMS: &'static [&'static str] = entra::ASSERTION_ALGORITHMS;
    const LONGEST_ASSERTION: i64 = entra::LONGEST_ASSERTION;
    const LIKE_ENTRA: bool = true;

    fn is_audience(settings: &Settings, named: &str) -> bool {
        entra::is_token_endpoint(settings, named, "oauth2/v2.0/token")
    }

    fn issuer(settings: &Settings) -> String {
        format!("{}/{}/v2.0", settings.public_url, settings.tenant_id)
    }

    fn paths(tenant_id: &str) -> Paths {
        Paths {
            token: format!("{tenant_id}/oauth2/v2.0/token"),
            jwks: format!("{tenant_id}/discovery/v2.0/keys"),
            authorize: format!("{tenant_id}/oauth2/v2.0/authorize"),
        }
    }

    fn named_resource(request: &TokenRequest) -> Result<Option<&str>, Failure> {
        if !request.resources.is_empty() || !request.resources_in_query.is_empty() {
            return Err(FormCause::ResourceOnV2.into());
        }
        let scope = request.scope.as_deref().unwrap_or_default();
        let resources = scope
            .split_whitespace()
            .filter(|scope| !OPENID_SCOPES.contains(scope))
            .map(|scope| scope.strip_suffix(DEFAULT_SUFFIX))
            .collect::<Option<Vec<&str>>>()
            .ok_or(TargetCause::ScopeNotDefault)?;
        only_one(&resources)
    }

    fn unnamed() -> Failure {
        FormCause::Missing(Parameter::Scope).into()
    }

    /// The audience is the resource's id, by whichever name it was requested.
    fn target<'a>(
        grant: &'a Grant,
        _: Option<&'a str>,
        _: &'a TokenRequest,
    ) -> Result<Target<'a>, TargetCause> {
        let id = grant.resource.id.to_string();
        Ok(Target::whole(grant, Cow::Owned(id)))
    }

    fn claims<'a>(common: CommonClaims<'a>, _: &'a str, proof: CredentialKind) -> impl Serialize + 'a {
        EntraV2Claims {
            azp: common.sub,
            azpacr: entra::acr(proof),
            idtyp: "app",
            oid: common.sub,
            uti: common.jti,
            ver: "2.0",
            common,
        }
    }

    fn success(issued: &Issued, _: &Target<'_>) -> HttpResponse {
        issued.answer(&EntraV2TokenResponse {
            token_type: issued.token_type,
            expires_in: issued.expires_in,
            ext_expires_in: issued.expires_in,
        })
    }

    fn refusal(service: &TokenService, failure: &Failure, id: RequestId) -> HttpResponse {
        entra::refusal(service, failure, id)
    }
}
