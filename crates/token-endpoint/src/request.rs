//! From HTTP to a request: content type, body, duplicates, credentials (RFC 6749 §2.3.1, §3.2, §4.4.2).

use actix_web::{HttpRequest, http::header, web::Bytes};
use domain::{resource::parse_guid, secret::MAX_CREDENTIAL_LENGTH};
use oauth2_types::{credentials, form};
use uuid::Uuid;

use crate::failure::Failure;

/// The parameters that may stand in a token request once; `resource` may repeat.
const TOKEN_REQUEST: [&str; 6] = [
    "grant_type",
    "client_id",
    "client_secret",
    "scope",
    "client_assertion",
    "client_assertion_type",
];
const ABOUT_TOKEN: [&str; 6] = [
    "token",
    "token_type_hint",
    "client_id",
    "client_secret",
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

/// Client id and secret as presented; nothing is checked yet.
pub(crate) struct Presented {
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
}

/// A token request whose form is right; nothing is checked yet.
pub(crate) struct TokenRequest {
    pub(crate) grant_type: Option<String>,
    pub(crate) credentials: Presented,
    pub(crate) scope: Option<String>,
    pub(crate) resources: Vec<String>,
}

/// A request to introspect or revoke a token (RFC 7662 §2.1, RFC 7009 §2.1). `token_type_hint` is only a hint.
pub(crate) struct AboutToken {
    pub(crate) credentials: Presented,
    pub(crate) token: Option<String>,
}

/// Reads a token request; `resource` may stand in the query where `resource_in_query` says so.
pub(crate) fn read(
    request: &HttpRequest,
    body: &Bytes,
    resource_in_query: bool,
) -> Result<TokenRequest, Failure> {
    let mut form = Form::read(request, body, &TOKEN_REQUEST)?;
    let credentials = form.credentials(request)?;
    let (grant_type, scope) = (form.take("grant_type"), form.take("scope"));
    let named = |pairs: Vec<(String, String)>| {
        let resources = pairs.into_iter().filter(|(name, _)| name == "resource");
        resources.map(|(_, value)| value).collect::<Vec<_>>()
    };
    let mut resources = named(form.pairs);
    if resource_in_query {
        for value in named(form.query) {
            if !value.is_empty() && !resources.contains(&value) {
                resources.push(value);
            }
        }
    }
    Ok(TokenRequest {
        grant_type,
        credentials,
        scope,
        resources,
    })
}

/// Reads a request about a token.
pub(crate) fn read_about_token(request: &HttpRequest, body: &Bytes) -> Result<AboutToken, Failure> {
    let mut form = Form::read(request, body, &ABOUT_TOKEN)?;
    Ok(AboutToken {
        credentials: form.credentials(request)?,
        token: form.take("token"),
    })
}

/// The parameters of a body, without the empty ones, and of the query.
struct Form {
    pairs: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Form {
    fn read(request: &HttpRequest, body: &Bytes, once: &[&str]) -> Result<Self, Failure> {
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
        let mut pairs = form::parse(body).map_err(|_| {
            Failure::Malformed("the body must be percent-encoded UTF-8 without NUL characters")
        })?;
        refuse_repeated(&pairs, once)?;
        pairs.retain(|(_, value)| !value.is_empty());
        Ok(Self { pairs, query })
    }

    fn take(&mut self, wanted: &str) -> Option<String> {
        let at = self.pairs.iter().position(|(name, _)| name == wanted)?;
        Some(self.pairs.swap_remove(at).1)
    }

    fn credentials(&mut self, request: &HttpRequest) -> Result<Presented, Failure> {
        let (client_id, client_secret) = (self.take("client_id"), self.take("client_secret"));
        let assertion = self.take("client_assertion").is_some();
        authenticate_with(request, client_id, client_secret, assertion)
    }
}

fn authenticate_with(
    request: &HttpRequest,
    client_id: Option<String>,
    client_secret: Option<String>,
    assertion: bool,
) -> Result<Presented, Failure> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = headers.next() else {
        if assertion && client_secret.is_some() {
            return Err(Failure::Malformed(METHOD_TWICE));
        }
        return Ok(Presented {
            client_id,
            client_secret,
        });
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
    Ok(Presented {
        client_id: given(basic.client_id),
        client_secret: given(basic.client_secret),
    })
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

fn refuse_repeated(pairs: &[(String, String)], once: &[&str]) -> Result<(), Failure> {
    let repeated = |name: &&str| pairs.iter().filter(|(given, _)| given == *name).count() > 1;
    match once.iter().any(repeated) {
        true => Err(Failure::Malformed("a parameter is repeated; send each one once")),
        false => Ok(()),
    }
}

impl Presented {
    /// The id and secret to look up. An id that is no GUID takes the same way as an unknown one, a secret that is too long
    /// the same as a wrong one.
    pub(crate) fn to_check(&self) -> Result<(Uuid, &str), Failure> {
        let id = self.client_id.as_deref().ok_or(Failure::NoClient)?;
        let secret = self.client_secret.as_deref().ok_or(Failure::NoSecret)?;
        let too_long = secret.len() > MAX_CREDENTIAL_LENGTH;
        Ok((
            parse_guid(id).unwrap_or(Uuid::nil()),
            if too_long { "" } else { secret },
        ))
    }
}
