//! `/oauth2/token`: the client credentials grant (RFC 6749 §4.4), resource indicators (RFC 8707), JWT access tokens
//! (RFC 9068).

use std::{borrow::Cow, net::IpAddr};

use actix_web::HttpResponse;
use domain::{
    authentication::{AssertionRules, AuthenticatedClient},
    client::Grant,
    credential::CredentialKind,
};
use oauth2_types::{
    answer::TokenResponse,
    claims::{AccessTokenClaims, CommonClaims},
    scope,
};
use serde::Serialize;

use super::{
    dialect::{Dialect, Issued, Paths, Target, only_one, registered_name},
    request::TokenRequest,
};
use crate::{
    client::presented::Presented,
    http::request_id::RequestId,
    refusal::{Failure, TargetCause},
    state::{Settings, TokenService},
};

/// The dialect of the RFCs.
pub(crate) struct Rfc9068;

impl Dialect for Rfc9068 {
    const KIND: &'static str = "rfc9068";
    const TYP: &'static str = "at+jwt";
    const ASSERTION_ALGORITHMS: &'static [&'static str] = &["ES256", "PS256", "EdDSA"];
    const LONGEST_ASSERTION: i64 = 300;
    const LIKE_ENTRA: bool = false;

    /// The issuer identifier only (FAPI 2.0 §5.3.2.1, draft-ietf-oauth-rfc7523bis).
    fn is_audience(settings: &Settings, named: &str) -> bool {
        named == settings.public_url
    }

    fn issuer(settings: &Settings) -> String {
        settings.public_url.clone()
    }

    fn paths(tenant_id: &str) -> Paths {
        Paths {
            token: "oauth2/token".to_owned(),
            jwks: "oauth2/jwks".to_owned(),
            authorize: format!("{tenant_id}/oauth2/authorize"),
        }
    }

    fn named_resource(request: &TokenRequest) -> Result<Option<&str>, Failure> {
        let named: Vec<&str> = request.resources.iter().map(String::as_str).collect();
        only_one(&named)
    }

    fn unnamed() -> Failure {
        TargetCause::AmbiguousResource.into()
    }

    fn target<'a>(
        grant: &'a Grant,
        named: Option<&'a str>,
        request: &'a TokenRequest,
    ) -> Result<Target<'a>, TargetCause> {
        let whole = Target::whole(grant, registered_name(grant, named));
        let Some(asked) = request.scope.as_deref() else {
            return Ok(whole);
        };
        let asked = scope::parse(asked).map_err(|_| TargetCause::ScopeSyntax)?;
        let granted = |role: &&str| grant.roles.iter().any(|granted| granted == role);
        if !asked.iter().all(granted) {
            return Err(TargetCause::ScopeNotGranted);
        }
        Ok(Target {
            scope: Cow::Owned(asked.join(" ")),
            roles: asked.into_iter().map(str::to_owned).collect(),
            ..whole
        })
    }

    fn claims<'a>(common: CommonClaims<'a>, scope: &'a str, _: CredentialKind) -> impl Serialize + 'a {
        AccessTokenClaims {
            client_id: common.sub,
            common,
            scope,
        }
    }

    fn success(issued: &Issued, target: &Target<'_>) -> HttpResponse {
        issued.answer(&TokenResponse {
            token_type: issued.token_type,
            expires_in: issued.expires_in,
            scope: &target.scope,
            client_secret_expires_at: issued.secret_expires_at,
        })
    }

    fn refusal(service: &TokenService, failure: &Failure, id: RequestId) -> HttpResponse {
        failure.response(&service.settings.support_address, id)
    }
}

impl TokenService {
    /// Client authentication at endpoints without Entra dialects: the audience of assertions is the issuer.
    pub(crate) async fn authenticate_by_standard(
        &self,
        presented: &Presented,
        source: IpAddr,
    ) -> Result<AuthenticatedClient, Failure> {
        let is_audience = |named: &str| Rfc9068::is_audience(&self.settings, named);
        let rules = AssertionRules {
            is_audience: &is_audience,
            longest_life: Rfc9068::LONGEST_ASSERTION,
            like_entra: Rfc9068::LIKE_ENTRA,
        };
        self.authenticate_client(presented, source, &rules).await
    }
}
