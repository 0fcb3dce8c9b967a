//! Request bodies, queries and path parameters. They are parsed after authorization, never before.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::http::problem::Problem;

const MAX_LENGTH: usize = 16 * 1024;

/// A body that was received but not parsed yet.
pub(crate) struct Body {
    read: Result<web::Bytes, Problem>,
    is_absent: bool,
}

impl Body {
    /// The parsed body, or the default if there is none.
    pub(crate) fn parse_or_default<T: DeserializeOwned + Default>(self) -> Result<T, Problem> {
        match self.is_absent {
            true => Ok(T::default()),
            false => self.parse(),
        }
    }

    /// Whether it is UTF-8 text for which `property` holds.
    pub(crate) fn is_text_with(&self, property: impl FnOnce(&str) -> bool) -> bool {
        let bytes = self.read.as_deref().unwrap_or_default();
        std::str::from_utf8(bytes).is_ok_and(property)
    }

    /// Parses strict JSON: an unknown or repeated field is an error that names it.
    pub(crate) fn parse<T: DeserializeOwned>(self) -> Result<T, Problem> {
        let bytes = self.read?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let place = error.path().to_string();
            // The name of an unknown field is the caller's text, and may be a secret.
            let unknown = error.inner().to_string().starts_with("unknown field");
            Problem::Invalid(match place.as_str() {
                _ if unknown => described(error.inner()),
                "." => described(error.inner()),
                _ => format!("{}: {}", printable(&place), described(error.inner())),
            })
        })?;
        json.end()
            .map_err(|_| Problem::Invalid("the body goes on after its JSON value".to_owned()))?;
        Ok(value)
    }
}

/// The error text of serde without the value: one in the wrong place may be a password.
fn described(error: &serde_json::Error) -> String {
    if !error.is_data() {
        return "the body is no valid JSON".to_owned();
    }
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    match text.split_once(", expected ") {
        Some((_, expected)) if text.starts_with("invalid ") || text.starts_with("unknown variant") => {
            format!("expected {expected}")
        }
        _ if text.starts_with("unknown field") => {
            let known = text.split_once(", expected ").map_or("none", |(_, known)| known);
            format!("there is a field that is not known here; known are {known}")
        }
        _ => printable(text),
    }
}

/// Untrusted text for a log or an error: on one line, and truncated.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|one| !one.is_control()).take(200).collect()
}

impl FromRequest for Body {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = request.content_type().eq_ignore_ascii_case("application/json");
        let length = request.headers().get("content-length");
        let is_absent = request.content_type().is_empty()
            && !request.headers().contains_key("transfer-encoding")
            && length.is_none_or(|length| length == "0");
        let payload = payload.take();
        Box::pin(async move {
            let read = match is_json {
                true => read(payload).await,
                false => Err(Problem::UnsupportedMediaType),
            };
            Ok(Self { read, is_absent })
        })
    }
}

async fn read(payload: Payload) -> Result<web::Bytes, Problem> {
    let stream = actix_web::body::BodyStream::new(payload);
    match actix_web::body::to_bytes_limited(stream, MAX_LENGTH).await {
        Err(_) => Err(Problem::TooLarge),
        Ok(Err(_)) => Err(Problem::Invalid("the body could not be read".to_owned())),
        Ok(Ok(bytes)) => Ok(bytes),
    }
}

/// Parses the query as strictly as a body. NUL is refused: no stored text has it, and Postgres rejects it.
pub(crate) fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, Problem> {
    let text = request.query_string();
    let parsed = web::Query::<T>::from_query(text).map(web::Query::into_inner);
    match parsed {
        Ok(query) if !text.contains("%00") => Ok(query),
        _ => Err(Problem::Invalid(
            "the query has a parameter that is unknown here, repeated, or of the wrong form".to_owned(),
        )),
    }
}

/// Parses an id in a path; an invalid one is `NotFound`.
pub(crate) fn id(text: &str) -> Result<Uuid, Problem> {
    domain::resource::parse_guid(text).ok_or(Problem::NotFound)
}

/// Validates a name in a field.
pub(crate) fn name(field: &str, text: &str) -> Result<String, Problem> {
    name_within(field, text, domain::name::LONGEST)
}

/// Validates a name in a field, of at most `longest` characters.
pub(crate) fn name_within(field: &str, text: &str, longest: usize) -> Result<String, Problem> {
    domain::name::parse_within(text, longest).map_err(|error| Problem::Invalid(format!("{field} {error}")))
}
