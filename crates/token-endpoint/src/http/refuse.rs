//! Refusals made before any handler, in the error format of the route: a `Content-Encoding`, and too many concurrent
//! changes.

use actix_web::{
    HttpResponse,
    http::header::{self, HeaderMap},
};

use super::{line::RequestContext, problem::problem};
use crate::{refusal::Failure, state::TokenService, token::entra};

/// Whether the body has a `Content-Encoding` (RFC 9110 §8.4): a compressed body can expand a thousandfold.
pub(crate) fn is_coded(headers: &HeaderMap) -> bool {
    let plain = |coding: &str| coding.trim().is_empty() || coding.trim().eq_ignore_ascii_case("identity");
    let mut fields = headers.get_all(header::CONTENT_ENCODING);
    !fields.all(|field| {
        let codings = field.to_str();
        codings.is_ok_and(|codings| codings.split(',').all(plain))
    })
}

/// The error response; not a byte of the body has been read.
pub(crate) fn refuse(service: &TokenService, context: &RequestContext, failure: &Failure) -> HttpResponse {
    let support = &service.settings.support_address;
    service.metrics.refused(failure.cause().name());
    if context.route.starts_with("/oauth2/") {
        return failure.response(support, context.id);
    }
    if context.route.starts_with("/{tenant}/") {
        return entra::refusal(service, failure, context.id);
    }
    let standard = failure.cause().row().standard;
    let mut answer = problem(standard.status, &standard.text(support));
    for (name, value) in failure.head(&standard).finish().headers() {
        answer.headers_mut().insert(name.clone(), value.clone());
    }
    answer
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn t05_every_coding_but_identity_is_seen() {
        let coded = |values: &[&str]| {
            let request = values.iter().fold(TestRequest::default(), |request, value| {
                request.append_header(("content-encoding", *value))
            });
            is_coded(request.to_http_request().headers())
        };
        for plain in [
            &[][..],
            &["identity"],
            &["Identity"],
            &[""],
            &["identity, identity"],
        ] {
            assert!(!coded(plain), "{plain:?}");
        }
        for values in [
            &["gzip"][..],
            &["GZIP"],
            &["br"],
            &["deflate"],
            &["zstd"],
            &["x-unknown"],
            &["identity, gzip"],
            &["identity", "gzip"],
            &["gzip;q=1"],
        ] {
            assert!(coded(values), "{values:?}");
        }
    }
}
