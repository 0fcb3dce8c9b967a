//! Parses the form of a POST: method, content type, size, encoding, repeated parameters, credentials in the URL
//! (RFC 6749 §2.3.1, §3.2).

use actix_web::{
    HttpRequest,
    http::{Method, header},
    web,
};
use oauth2_types::form;

use crate::{
    client::presented::{InBody, Presented},
    refusal::{Failure, FormCause},
};

/// The largest body that is read.
pub(crate) const MAX_BODY: usize = 16 * 1024;
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
/// The body's parameters for client authentication.
const AUTHENTICATION: [&str; 4] = [
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
];
/// Prefixes of the labels of charsets that are not supersets of ASCII.
const WIDE_CHARSETS: [&str; 9] = [
    "utf-16",
    "utf16",
    "utf-32",
    "utf32",
    "ucs-",
    "ucs2",
    "ucs4",
    "iso-10646-ucs",
    "unicode",
];

/// A body, or the error of reading it.
pub(crate) type Body = Result<web::Bytes, actix_web::Error>;

/// The parameters of the body, without empty ones, and of the query.
pub(crate) struct Form {
    pairs: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Form {
    /// Reads a POST. The parameters in `once`, and those of client authentication, must not be repeated.
    pub(crate) fn read(request: &HttpRequest, body: Body, once: &[&str]) -> Result<Self, Failure> {
        if request.method() != Method::POST {
            return Err(FormCause::Method.into());
        }
        let body = body.map_err(|error| match error.as_response_error().status_code().as_u16() {
            413 => FormCause::TooLarge,
            _ => FormCause::Unreadable,
        })?;
        let query = form::parse(request.query_string().as_bytes()).map_err(|_| FormCause::QueryEncoding)?;
        let forbidden = |(name, _): &(String, String)| NEVER_IN_QUERY.contains(&name.as_str());
        if query.iter().any(forbidden) {
            return Err(FormCause::CredentialsInQuery.into());
        }
        check_content_type(request)?;
        let mut pairs = form::parse(&body).map_err(|_| FormCause::BodyEncoding)?;
        let repeated = |name: &&str| pairs.iter().filter(|(given, _)| given == *name).count() > 1;
        if once.iter().chain(&AUTHENTICATION).any(repeated) {
            return Err(FormCause::Repeated.into());
        }
        pairs.retain(|(_, value)| !value.is_empty());
        Ok(Self { pairs, query })
    }

    /// Takes a parameter's value out of the body.
    pub(crate) fn take(&mut self, wanted: &str) -> Option<String> {
        let at = self.pairs.iter().position(|(name, _)| name == wanted)?;
        Some(self.pairs.swap_remove(at).1)
    }

    /// The client credentials that the request presents.
    pub(crate) fn credentials(&mut self, request: &HttpRequest) -> Result<Presented, FormCause> {
        let [client_id, client_secret, client_assertion, client_assertion_type] =
            AUTHENTICATION.map(|name| self.take(name));
        let in_body = InBody {
            client_id,
            client_secret,
            client_assertion,
            client_assertion_type,
        };
        Presented::read(request, in_body)
    }

    /// All values of a parameter, in the body and in the query.
    pub(crate) fn all(self, wanted: &str) -> (Vec<String>, Vec<String>) {
        let of = |pairs: Vec<(String, String)>| {
            let named = pairs
                .into_iter()
                .filter(|(name, value)| name == wanted && !value.is_empty());
            named.map(|(_, value)| value).collect()
        };
        (of(self.pairs), of(self.query))
    }
}

/// The media type defines no charset parameter: it is ignored and the body read as UTF-8, unless it names a charset
/// in which these bytes would mean something else.
fn check_content_type(request: &HttpRequest) -> Result<(), FormCause> {
    let value = request.headers().get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok());
    let mut parts = value.ok_or(FormCause::ContentType)?.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(FormCause::ContentType);
    }
    let mut labels = parts
        .filter_map(|part| part.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, label)| label.trim().trim_matches(['"', '\'']).trim().to_ascii_lowercase());
    if labels.any(|label| is_wide(label.strip_prefix("cs").unwrap_or(&label))) {
        return Err(FormCause::Charset);
    }
    Ok(())
}

fn is_wide(label: &str) -> bool {
    WIDE_CHARSETS.iter().any(|wide| label.starts_with(wide))
}
