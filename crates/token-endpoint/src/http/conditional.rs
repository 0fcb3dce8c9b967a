//! Cacheable answers, and conditional requests by `If-None-Match` (RFC 9110 §13.1.2).

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::header::{self, EntityTag},
};

/// A strong `ETag` of the content.
pub(crate) fn tag(content: &[u8]) -> EntityTag {
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    let half = &digest.as_ref()[..16];
    EntityTag::new_strong(half.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// 304 when `If-None-Match` holds the tag; else `body` with 200.
pub(crate) fn answer(
    request: &HttpRequest,
    tag: EntityTag,
    cache_control: String,
    body: impl FnOnce(HttpResponseBuilder) -> HttpResponse,
) -> HttpResponse {
    let asked = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let same = asked
        .split(',')
        .map(str::trim)
        .any(|given| given == "*" || given.trim_start_matches("W/") == tag.to_string());
    let mut answer = if same {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((header::CACHE_CONTROL, cache_control))
        .insert_header(header::ETag(tag));
    if same { answer.finish() } else { body(answer) }
}
