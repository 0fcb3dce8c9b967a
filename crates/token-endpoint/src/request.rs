//! From HTTP to a token request: content type, body, duplicates, credentials (RFC 6749 §2.3.1, §3.2, §4.4.2).

use actix_web::{HttpRequest, http::header, web::Bytes};
use domain::secret::MAX_CREDENTIAL_LENGTH;
use oauth2_types::{credentials, form};

use crate::failure::Failure;

const KNOWN: [&str; 7] = [
    "grant_type",
    "client_id",
    "client_secret",
    "scope",
    "resource",
    "client_assertion",
    "client_assertion_type",
];
const NEVER_IN_QUERY: [&str; 9] = [
    "client_secret",
    "client_assertion",
    "assertion",
    "token",
    "access_token",
    "refresh_token",
    "password",
    "code",
    "subject_token",
];
const METHOD_TWICE: &str =
    "use one way of client authentication, the Authorization header or the body, not both";

/// A token request whose form is right; nothing is checked yet.
pub(crate) struct TokenRequest {
    pub(crate) grant_type: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) resources: Vec<String>,
}

/// Reads a request; `resource` may stand in the query where `resource_in_query` says so.
pub(crate) fn read(
    request: &HttpRequest,
    body: &Bytes,
    resource_in_query: bool,
) -> Result<TokenRequest, Failure> {
    let query = form::parse(request.query_string().as_bytes())
        .map_err(|_| Failure::Malformed("the query has bad percent-encoding"))?;
    if query
        .iter()
        .any(|(name, _)| NEVER_IN_QUERY.contains(&name.as_str()))
    {
        return Err(Failure::Malformed(
            "credentials and tokens belong in the body or the Authorization header, never in the URL; replace this secret, URLs are logged",
        ));
    }
    check_content_type(request)?;
    let mut pairs = form::parse(body)
        .map_err(|_| Failure::Malformed("the body must be percent-encoded UTF-8 without NUL characters"))?;
    refuse_repeated(&pairs)?;
    pairs.retain(|(_, value)| !value.is_empty());
    let mut take = |wanted: &str| {
        pairs
            .iter()
            .position(|(name, _)| name == wanted)
            .map(|at| pairs.swap_remove(at).1)
    };
    let (grant_type, scope) = (take("grant_type"), take("scope"));
    let (client_id, client_secret) = (take("client_id"), take("client_secret"));
    let assertion = take("client_assertion").is_some();
    let mut resources: Vec<String> = pairs
        .into_iter()
        .filter(|(name, _)| name == "resource")
        .map(|(_, value)| value)
        .collect();
    if resource_in_query {
        let asked = query
            .into_iter()
            .filter(|(name, value)| name == "resource" && !value.is_empty());
        for (_, value) in asked {
            if !resources.contains(&value) {
                resources.push(value);
            }
        }
    }
    let (client_id, client_secret) = authenticate_with(request, client_id, client_secret, assertion)?;
    Ok(TokenRequest {
        grant_type,
        client_id,
        client_secret,
        scope,
        resources,
    })
}

fn authenticate_with(
    request: &HttpRequest,
    client_id: Option<String>,
    client_secret: Option<String>,
    assertion: bool,
) -> Result<(Option<String>, Option<String>), Failure> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = headers.next() else {
        if assertion && client_secret.is_some() {
            return Err(Failure::Malformed(METHOD_TWICE));
        }
        return Ok((client_id, client_secret));
    };
    if headers.next().is_some() {
        return Err(Failure::Malformed("send one Authorization header"));
    }
    let basic = credentials::parse_basic(value.as_bytes()).map_err(|_| {
        Failure::Malformed(
            "the Authorization header must be Basic with base64 of client id, colon, client secret",
        )
    })?;
    if client_secret.is_some() || assertion {
        return Err(Failure::Malformed(METHOD_TWICE));
    }
    if client_id.is_some_and(|id| id != basic.client_id) {
        return Err(Failure::Malformed(
            "client_id in the body differs from the one in the Authorization header",
        ));
    }
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok((given(basic.client_id), given(basic.client_secret)))
}

fn check_content_type(request: &HttpRequest) -> Result<(), Failure> {
    let wrong = Failure::Malformed("send the parameters as application/x-www-form-urlencoded in UTF-8");
    let Some(value) = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return Err(wrong);
    };
    let mut parts = value.split(';').map(str::trim);
    if !parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    {
        return Err(wrong);
    }
    let other_charset = parts
        .filter_map(|part| part.split_once('='))
        .any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("charset")
                && !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        });
    if other_charset { Err(wrong) } else { Ok(()) }
}

fn refuse_repeated(pairs: &[(String, String)]) -> Result<(), Failure> {
    let repeated = |name: &&str| pairs.iter().filter(|(given, _)| given == *name).count() > 1;
    match KNOWN.iter().filter(|name| **name != "resource").any(repeated) {
        true => Err(Failure::Malformed("a parameter is repeated; send each one once")),
        false => Ok(()),
    }
}

/// Whether a credential is too long to be looked at.
pub(crate) fn too_long(text: &str) -> bool {
    text.len() > MAX_CREDENTIAL_LENGTH
}
