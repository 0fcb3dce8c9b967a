//! What differs between the token endpoints: how a request names the resource, the token's claims, the format of
//! success and error responses. Everything else is shared.

use std::borrow::Cow;

use actix_web::{
    HttpResponse,
    http::header::{self, HeaderValue},
};
use domain::{client::Grant, credential::CredentialKind};
use oauth2_types::claims::CommonClaims;
use serde::Serialize;

use super::request::TokenRequest;
use crate::{
    http::request_id::RequestId,
    refusal::{Failure, FormCause, Parameter, TargetCause, no_store},
    state::{Settings, TokenService},
};

/// A dialect of the token endpoint: RFC 9068, Entra v1 or Entra v2.
pub(crate) trait Dialect {
    /// The token kind in the metrics.
    const KIND: &'static str;
    /// The `typ` header of its tokens (RFC 7515 §4.1.9).
    const TYP: &'static str;

    /// The accepted signing algorithms of client assertions (RFC 8414 §2).
    const ASSERTION_ALGORITHMS: &'static [&'static str];

    /// How far ahead the `exp` of a client assertion may lie, in seconds.
    const LONGEST_ASSERTION: i64;

    /// Whether certificates are accepted as Entra accepts them.
    const LIKE_ENTRA: bool;

    /// Whether a client assertion may have this audience.
    fn is_audience(settings: &Settings, named: &str) -> bool;

    /// The `iss` of its tokens, always from configuration.
    fn issuer(settings: &Settings) -> String;

    /// The paths of its endpoints.
    fn paths(tenant_id: &str) -> Paths;

    /// The requested resource, if any.
    fn named_resource(request: &TokenRequest) -> Result<Option<&str>, Failure>;

    /// The refusal when no resource is requested and the client has several.
    fn unnamed() -> Failure;

    /// Chooses audience and roles of the token from the grants.
    fn target<'a>(
        grant: &'a Grant,
        named: Option<&'a str>,
        request: &'a TokenRequest,
    ) -> Result<Target<'a>, TargetCause>;

    /// The claims of a token; `scope` is that of its target, `proof` the kind of credential that authenticated the
    /// client.
    fn claims<'a>(common: CommonClaims<'a>, scope: &'a str, proof: CredentialKind) -> impl Serialize + 'a;

    /// The token response.
    fn success(issued: &Issued, target: &Target<'_>) -> HttpResponse;

    /// The error response.
    fn refusal(service: &TokenService, failure: &Failure, id: RequestId) -> HttpResponse;
}

/// The audience and roles of a token.
pub(crate) struct Target<'a> {
    pub(crate) audience: Cow<'a, str>,
    pub(crate) roles: Cow<'a, [String]>,
    pub(crate) scope: Cow<'a, str>,
    /// The JWK thumbprint that the token is bound to.
    pub(crate) bound_to: Option<String>,
}

impl<'a> Target<'a> {
    /// All roles of a grant, under this audience.
    pub(crate) fn whole(grant: &'a Grant, audience: Cow<'a, str>) -> Self {
        Self {
            audience,
            roles: Cow::Borrowed(&grant.roles),
            scope: Cow::Borrowed(&grant.scope),
            bound_to: None,
        }
    }
}

/// The audience: the resource's URI if it was requested by that, else its id.
pub(crate) fn registered_name<'a>(grant: &'a Grant, named: Option<&'a str>) -> Cow<'a, str> {
    let uri = grant.resource.uri.as_deref();
    match named.filter(|named| uri == Some(*named)) {
        Some(uri) => Cow::Borrowed(uri),
        None => Cow::Owned(grant.resource.id.to_string()),
    }
}

/// The requested resource; more than one is refused, as a token has one audience.
pub(crate) fn only_one<'a>(resources: &[&'a str]) -> Result<Option<&'a str>, Failure> {
    match resources {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(TargetCause::SeveralResources.into()),
    }
}

/// A signed token and what the token response says about it.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) expires_in: i64,
    pub(crate) expires_at: i64,
    pub(crate) not_before: i64,
    /// When the authenticating secret expires, in seconds since 1970.
    pub(crate) secret_expires_at: Option<i64>,
    /// `token_type`: how the token is presented.
    pub(crate) token_type: &'static str,
}

impl Issued {
    /// The token response, with the dialect's members.
    pub(crate) fn answer(&self, response: &impl Serialize) -> HttpResponse {
        let body = match with_access_token(response, &self.token) {
            Ok(body) => body,
            Err(error) => {
                log::error!("an answer can't be written: {error}");
                return HttpResponse::InternalServerError().finish();
            }
        };
        let mut answer = HttpResponse::Ok();
        no_store(&mut answer);
        answer
            .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")))
            .body(body)
    }
}

/// Completes a token response. A JWT consists of characters that JSON does not escape (RFC 7515 §7.1).
fn with_access_token(response: &impl Serialize, access_token: &str) -> serde_json::Result<Vec<u8>> {
    /// For what stands beside the token; exceeding it only costs a reallocation.
    const ROOM: usize = 512;
    let mut body = Vec::with_capacity(access_token.len() + ROOM);
    serde_json::to_writer(&mut body, response)?;
    body.pop();
    for part in [r#","access_token":""#, access_token, r#""}"#] {
        body.extend_from_slice(part.as_bytes());
    }
    Ok(body)
}

/// Paths below the public URL, without a leading slash.
pub(crate) struct Paths {
    pub(crate) token: String,
    pub(crate) jwks: String,
    pub(crate) authorize: String,
}

/// Checks `grant_type`, which is the same in all dialects (RFC 6749 §4.4.2).
pub(crate) fn check_grant_type(request: &TokenRequest) -> Result<(), FormCause> {
    match request.grant_type.as_deref() {
        None => Err(FormCause::Missing(Parameter::GrantType)),
        Some("client_credentials") => Ok(()),
        Some(_) => Err(FormCause::UnsupportedGrant),
    }
}
