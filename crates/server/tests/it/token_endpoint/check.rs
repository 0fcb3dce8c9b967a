//! Tables of requests, and the checks on every answer.

use reqwest::blocking::RequestBuilder;

use crate::support::{Answer, Demo, GRANT};

pub struct Case {
    name: &'static str,
    request: RequestBuilder,
    status: u16,
    error: &'static str,
}

pub fn case(name: &'static str, request: RequestBuilder, status: u16, error: &'static str) -> Case {
    Case {
        name,
        request,
        status,
        error,
    }
}

/// Sends every case; checks status, code and the requirements of RFC 6749.
pub fn check(cases: Vec<Case>) {
    for case in cases {
        let answer = Answer::of(case.request);
        let name = case.name;
        assert_eq!(answer.status, case.status, "{name}: {}", answer.text);
        assert_not_cached(name, &answer);
        assert_eq!(answer.header("content-type"), "application/json", "{name}");
        assert_eq!(answer.error(), case.error, "{name}: {}", answer.text);
        if case.status != 200 {
            assert_description(name, &answer);
        }
        if case.status == 401 {
            assert_challenge(name, &answer);
        }
    }
}

pub fn assert_not_cached(name: &str, answer: &Answer) {
    assert_eq!(answer.header("cache-control"), "no-store", "{name}");
    assert_eq!(answer.header("pragma"), "no-cache", "{name}");
}

/// RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E.
pub fn assert_description(name: &str, answer: &Answer) {
    let body = answer.json();
    let text = body["error_description"].as_str().unwrap();
    let allowed = |byte: u8| matches!(byte, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    assert!(text.bytes().all(allowed), "{name}: {text}");
}

pub fn assert_challenge(name: &str, answer: &Answer) {
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("Basic realm=\""), "{name}: {challenge}");
    assert!(challenge.ends_with(", charset=\"UTF-8\""), "{name}: {challenge}");
}

pub fn basic(demo: &Demo, id: &str, secret: &str, body: &str) -> RequestBuilder {
    demo.token(body).basic_auth(id, Some(secret))
}

pub fn authorized(demo: &Demo, header: &str) -> RequestBuilder {
    demo.token(GRANT).header("authorization", header)
}

/// The upload client's Basic credentials, as an HTTP client encodes them.
pub fn encoded(demo: &Demo) -> String {
    let request = basic(demo, &demo.upload.id, &demo.upload.secret, GRANT)
        .build()
        .unwrap();
    let header = request.headers()["authorization"].to_str().unwrap();
    header.strip_prefix("Basic ").unwrap().to_owned()
}

pub fn access_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}
