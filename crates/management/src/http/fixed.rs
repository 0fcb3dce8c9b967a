//! Static responses: built once, shared by all connections, with an entity tag, and precompressed.

use std::io::Write;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{
        ACCEPT_ENCODING, AcceptEncoding, CACHE_CONTROL, CONTENT_ENCODING, ETAG, Encoding, EntityTag, Header,
        IF_NONE_MATCH, IfNoneMatch, VARY,
    },
    web::Bytes,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::GzEncoder};

/// A static response.
pub(crate) struct Fixed {
    media_type: &'static str,
    body: Bytes,
    /// `None` if compression gains nothing.
    gzip: Option<Bytes>,
    tag: EntityTag,
}

impl Fixed {
    pub(crate) fn new(media_type: &'static str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let shorter = |packed: &Vec<u8>| packed.len() < body.len();
        Self {
            media_type,
            gzip: compressed(&body).filter(shorter).map(Bytes::from),
            tag: tag(&body),
            body,
        }
    }

    /// 304 if `If-None-Match` matches. `no-cache` makes clients revalidate before each use, so that assets of two
    /// versions never mix after an upgrade.
    pub(crate) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = is_known(request, &self.tag);
        let mut answer = match known {
            true => HttpResponse::NotModified(),
            false => HttpResponse::Ok(),
        };
        answer
            .insert_header((ETAG, self.tag.to_string()))
            .insert_header((CACHE_CONTROL, "no-cache"))
            .insert_header((VARY, ACCEPT_ENCODING.as_str()));
        if known {
            return answer.finish();
        }
        answer.content_type(self.media_type);
        match &self.gzip {
            Some(packed) if takes_gzip(request) => answer
                .insert_header((CONTENT_ENCODING, "gzip"))
                .body(packed.clone()),
            _ => answer.body(self.body.clone()),
        }
    }
}

fn compressed(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// A weak entity tag, as the body may be sent compressed or not.
fn tag(body: &[u8]) -> EntityTag {
    let digest = ring::digest::digest(&ring::digest::SHA256, body);
    EntityTag::new_weak(URL_SAFE_NO_PAD.encode(digest))
}

fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|given| given.weak_eq(tag)),
        Ok(IfNoneMatch::Any) => request.headers().contains_key(IF_NONE_MATCH),
        Err(_) => false,
    }
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let offered = [Encoding::gzip(), Encoding::identity()];
    let chosen = AcceptEncoding::parse(request).ok();
    chosen.and_then(|accepted| accepted.negotiate(offered.iter())) == Some(Encoding::gzip())
}

#[cfg(test)]
mod tests {
    use actix_web::{body::to_bytes, http::StatusCode, test::TestRequest};

    use super::*;

    const LENGTH: usize = 40_000;

    fn answer(header: (&'static str, &str)) -> HttpResponse {
        let fixed = Fixed::new("text/plain", "a".repeat(LENGTH));
        fixed.answer(&TestRequest::default().insert_header(header).to_http_request())
    }

    async fn sent(answer: HttpResponse) -> Bytes {
        to_bytes(answer.into_body()).await.unwrap()
    }

    #[actix_web::test]
    async fn the_body_is_compressed_for_who_takes_that_and_for_nobody_else() {
        for (accepted, packed) in [
            ("gzip, br", true),
            ("br", false),
            ("gzip;q=0", false),
            ("", false),
        ] {
            let answer = answer(("accept-encoding", accepted));
            assert_eq!(
                answer.headers().contains_key("content-encoding"),
                packed,
                "{accepted}"
            );
            assert_eq!(answer.headers().get("vary").unwrap(), "accept-encoding");
            assert_eq!(sent(answer).await.len() < LENGTH, packed, "{accepted}");
        }
    }

    #[actix_web::test]
    async fn who_has_it_is_told_so() {
        let tag = answer(("accept", "*/*")).headers().get("etag").unwrap().clone();
        let again = answer(("if-none-match", tag.to_str().unwrap()));
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(sent(again).await.is_empty());
        assert_eq!(answer(("if-none-match", "\"other\"")).status(), StatusCode::OK);
    }
}
