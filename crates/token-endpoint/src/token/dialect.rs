//! What differs between the token endpoints: how a request names the resource, what the token says, how success and
//! refusal are answered. Whatever is not here is the same for all.

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

/// One way to talk about tokens.
pub(crate) trait Dialect {
    /// The kind of token, for the metrics.
    const KIND: &'static str;
    /// `typ` of its tokens (RFC 7515 §4.1.9).
    const TYP: &'static str;

    /// The algorithms of client assertions (RFC 8414 §2).
    const ASSERTION_ALGORITHMS: &'static [&'static str];

    /// How far ahead the `exp` of a client assertion may lie, in seconds.
    const LONGEST_ASSERTION: i64;

    /// Whether certificates are taken as Entra takes them.
    const LIKE_ENTRA: bool;

    /// Whether a client assertion may call this endpoint so.
    fn is_audience(settings: &Settings, named: &str) -> bool;

    /// The issuer of its tokens, always from configuration.
    fn issuer(settings: &Settings) -> String;

    /// Where its endpoints are, below the public URL.
    fn paths(tenant_id: &str) -> Paths;

    /// The resource that a request names, if any.
    fn named_resource(request: &TokenRequest) -> Result<Option<&str>, Failure>;

    /// Why there is no token when none is named and several are possible.
    fn unnamed() -> Failure;

    /// The resource's name in the token and the roles, of those that were granted.
    fn target<'a>(
        grant: &'a Grant,
        named: Option<&'a str>,
        request: &'a TokenRequest,
    ) -> Result<Target<'a>, TargetCause>;

    /// The claims of a token; `scope` is that of its target, `proof` what the client has proved.
    fn claims<'a>(common: CommonClaims<'a>, scope: &'a str, proof: CredentialKind) -> impl Serialize + 'a;

    /// The answer that carries a token.
    fn success(issued: &Issued, target: &Target<'_>) -> HttpResponse;

    /// The answer to a refused request.
    fn refusal(service: &TokenService, failure: &Failure, id: RequestId) -> HttpResponse;
}

/// What a token is for.
pub(crate) struct Target<'a> {
    pub(crate) audience: Cow<'a, str>,
    pub(crate) roles: Cow<'a, [String]>,
    pub(crate) scope: Cow<'a, str>,
    /// The thumbprint of the key that the token is bound to.
    pub(crate) bound_to: Option<String>,
}

impl<'a> Target<'a> {
    /// All roles of a grant, on a resource of this name.
    pub(crate) fn whole(grant: &'a Grant, audience: Cow<'a, str>) -> Self {
        Self {
            audience,
            roles: Cow::Borrowed(&grant.roles),
            scope: Cow::Borrowed(&grant.scope),
            bound_to: None,
        }
    }
}

/// The name by which a resource was asked for, if that is its URI; else its id: the audience stays as registered.
pub(crate) fn registered_name<'a>(grant: &'a Grant, named: Option<&'a str>) -> Cow<'a, str> {
    let uri = grant.resource.uri.as_deref();
    match named.filter(|named| uri == Some(*named)) {
        Some(uri) => Cow::Borrowed(uri),
        None => Cow::Owned(grant.resource.id.to_string()),
    }
}

/// One resource, if any is named: a token is for one.
pub(crate) fn only_one<'a>(resources: &[&'a str]) -> Result<Option<&'a str>, Failure> {
    match resources {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(TargetCause::SeveralResources.into()),
    }
}

/// What stands beside a token in an answer; longer is no mistake, and costs time.
const ROOM_FOR_WORDS: usize = 512;

/// A signed token and what the answer says about it.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) expires_in: i64,
    pub(crate) expires_at: i64,
    pub(crate) not_before: i64,
    /// When the secret that was used expires, in seconds since 1970.
    pub(crate) secret_expires_at: Option<i64>,
    /// How the token is presented.
    pub(crate) token_type: &'static str,
}

impl Issued {
    /// The answer that carries it, in the words of a dialect.
    pub(crate) fn answer(&self, words: &impl Serialize) -> HttpResponse {
        let mut body = Vec::with_capacity(self.token.len() + ROOM_FOR_WORDS);
        if let Err(error) = serde_json::to_writer(&mut body, words) {
            log::error!("an answer can't be written: {error}");
            return HttpResponse::InternalServerError().finish();
        }
        let mut answer = HttpResponse::Ok();
        no_store(&mut answer);
        answer
            .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/json")))
            .body(body)
    }
}

/// Paths below the public URL, without a slash before them.
pub(crate) struct Paths {
    pub(crate) token: String,
    pub(crate) jwks: String,
    pub(crate) authorize: String,
}

/// The grant type is the same everywhere (RFC 6749 §4.4.2).
pub(crate) fn check_grant_type(request: &TokenRequest) -> Result<(), FormCause> {
    match request.grant_type.as_deref() {
        None => Err(FormCause::Missing(Parameter::GrantType)),
        Some("client_credentials") => Ok(()),
        Some(_) => Err(FormCause::UnsupportedGrant),
    }
}
