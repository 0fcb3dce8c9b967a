//! T-05: a body with a `Content-Encoding` is refused before a byte of it is read, on every route and in every coding.

use std::{io::Write, thread};

use flate2::{Compression, write::GzEncoder};

use super::wire;
use crate::support::{Answer, Demo, FORM, http};

const CODINGS: [&str; 7] = [
    "gzip",
    "GZIP",
    "br",
    "deflate",
    "zstd",
    "x-unknown",
    "identity, gzip",
];

/// A request head that announces a body, which is not sent.
fn head(method: &str, path: &str, content_type: &str, coding: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: here\r\nContent-Type: {content_type}\r\nContent-Encoding: {coding}\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    )
}

#[test]
fn t05_a_coded_body_is_refused_unread_on_every_route_and_in_its_words() {
    let demo = Demo::sqlite();
    let json = "application/json";
    let routes = [
        ("/oauth2/token".to_owned(), FORM, "\"invalid_request\""),
        ("/oauth2/introspect".to_owned(), FORM, "\"invalid_request\""),
        ("/oauth2/revoke".to_owned(), FORM, "\"invalid_request\""),
        (demo.v1(), FORM, "AADSTS9002313"),
        (demo.v2(), FORM, "AADSTS9002313"),
        ("/api/v1/session".to_owned(), json, "about:blank"),
        ("/api/v1/applications".to_owned(), json, "about:blank"),
        ("/manage-api-credentials".to_owned(), json, "about:blank"),
        ("/nowhere".to_owned(), json, "about:blank"),
    ];
    for (path, content_type, word) in routes {
        for coding in CODINGS {
            let asked = head("POST", &path, content_type, coding);
            let text = wire::ask(demo.address(), asked.as_bytes(), wire::is_whole);
            assert_eq!(wire::status(&text), 415, "{path} {coding}: {text}");
            assert!(text.contains(word), "{path} {coding}: {text}");
            assert!(!text.contains("x-unknown"), "T-13 {text}");
        }
    }
    let get = wire::ask(
        demo.address(),
        head("GET", "/oauth2/jwks", FORM, "gzip").as_bytes(),
        wire::is_whole,
    );
    assert_eq!(wire::status(&get), 415, "{get}");
    let plain = demo
        .token(demo.upload.body())
        .header("content-encoding", "identity");
    assert_eq!(Answer::of(plain).status, 200);
}

#[test]
fn x01_compressed_bodies_take_no_memory() {
    let demo = Demo::sqlite();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b'a'; 60_000_000]).unwrap();
    let packed = encoder.finish().unwrap();
    let before = demo.peak_memory();
    thread::scope(|scope| {
        for number in 0..60 {
            let (demo, packed) = (&demo, &packed);
            scope.spawn(move || {
                let path = ["/oauth2/token", "/oauth2/introspect"][number % 2];
                let mut stream = wire::connect(demo.address());
                let length = packed.len();
                // It may be refused before all of it is sent.
                let _ = stream.write_all(head("POST", path, FORM, "gzip").as_bytes());
                let _ = stream.write_all(format!("{length:x}\r\n").as_bytes());
                let _ = stream.write_all(packed);
                let _ = stream.write_all(b"\r\n0\r\n\r\n");
                let text = wire::read(&mut stream, wire::is_whole);
                assert!(text.is_empty() || wire::status(&text) == 415, "{text}");
            });
        }
    });
    let grown = demo.peak_memory() - before;
    assert!(grown < 40, "60 bodies of 60 MB took {grown} MiB");
    assert_eq!(demo.get("/livez").status, 200);
}

#[test]
fn no_answer_is_taken_for_another_media_type() {
    let demo = Demo::sqlite();
    for path in [
        "/livez",
        "/oauth2/jwks",
        "/oauth2/token",
        "/.well-known/oauth-authorization-server",
        "/oauth2/statuslists/0",
        "/error",
        "/api/v1/openapi.json",
        "/api/v1/applications",
        "/api/docs",
        "/manage-api-credentials",
        "/manage-api-credentials/assets/main.js",
        "/nowhere",
    ] {
        let answer = demo.get(path);
        assert_eq!(
            answer.header("x-content-type-options"),
            "nosniff",
            "{path} {}",
            answer.status
        );
    }
}

#[test]
fn the_openapi_document_is_made_once_and_known_again() {
    let demo = Demo::sqlite();
    let url = demo.url("/api/v1/openapi.json");
    let first = demo.get("/api/v1/openapi.json");
    assert_eq!(first.json()["openapi"], "3.1.0");
    let tag = first.header("etag").to_owned();
    let again = Answer::of(http().get(&url).header("if-none-match", &tag));
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    let packed = Answer::of(http().get(&url).header("accept-encoding", "gzip"));
    assert_eq!(packed.header("content-encoding"), "gzip");
}
