//! a slow OpenID provider, or callbacks that nobody began, don't affect others.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use serde_json::json;

use super::wire;
use crate::support::{
    Answer, Demo, eventually, http,
    people::{Person, attempt},
    timed,
};

/// Each source has two turns; together they exceed the global limit.
const SOURCES: usize = 6;

/// A provider that serves metadata and keys, but never answers a token request.
fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let base = issuer.clone();
    thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            match &request[..length] {
                [b'G', ..] => publish(&mut stream, &base),
                _ => held.push(stream),
            }
        }
    });
    issuer
}

/// Serves the metadata, and an empty JWKS.
fn publish(stream: &mut TcpStream, base: &str) {
    let document = json!({
        "keys": [], "issuer": base, "authorization_endpoint": format!("{base}/authorize"),
        "token_endpoint": format!("{base}/token"), "jwks_uri": format!("{base}/jwks"),
        "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    let body = document.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
}

/// Begins a sign-in, and returns to the callback with a forged code.
fn come_back(demo: &Demo, source: &str) -> Answer {
    let get = |path: &str| http().get(demo.url(path)).header("x-forwarded-for", source);
    let begun = Answer::of(get("/api/v1/session/openid"));
    assert_eq!(begun.status, 302, "{}", begun.text);
    let state = begun.header("location").split("state=").nth(1).unwrap();
    let state = state.split('&').next().unwrap();
    let cookie = begun.header("set-cookie").split(';').next().unwrap();
    let callback = format!("/api/v1/session/openid/callback?code=x&state={state}");
    Answer::of(get(&callback).header("cookie", cookie))
}

fn start(issuer: &str) -> Demo {
    let variables = [
        ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
        ("WMDA_AUTH__IDENTITY__OIDC__ISSUER", issuer),
        ("WMDA_AUTH__IDENTITY__OIDC__CLIENT_ID", "wmda-auth"),
        ("WMDA_AUTH__IDENTITY__OIDC__CLIENT_SECRET", "secret"),
    ];
    Demo::start_with(None, &variables)
}

#[test]
fn x01_callbacks_that_nobody_began_fill_no_log() {
    let demo = start(&provider());
    let asked =
        "GET /api/v1/session/openid/callback?code=x&state=y HTTP/1.1\r\nHost: here\r\n\r\n".repeat(16);
    let mut stream = wire::connect(demo.address());
    for _ in 0..200 {
        stream.write_all(asked.as_bytes()).unwrap();
        wire::read(&mut stream, |text| text.matches("HTTP/1.1 303").count() == 16);
    }
    let lines = || demo.log().matches("no attempt of this browser is open").count();
    eventually(|| lines() >= 500);
    assert!(lines() < 1_600, "{} lines of 3,200", lines());
}

#[test]
fn x02_a_provider_that_takes_its_time_holds_up_no_sign_in_by_password() {
    let demo = start(&provider());
    let person = Person::of(&demo, "credential_manager", 0);
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..2 * SOURCES)
            .map(|number| {
                let (demo, source) = (&demo, format!("198.51.100.{}", number / 2));
                scope.spawn(move || come_back(demo, &source))
            })
            .collect();
        thread::sleep(Duration::from_secs(1));
        assert!(
            waiting.iter().all(|one| !one.is_finished()),
            "the provider takes its time"
        );
        let (took, answer) = timed(|| attempt(&demo, &person.proof()));
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert!(took < Duration::from_secs(2), "{took:?}");
        for one in waiting {
            assert_eq!(one.join().unwrap().status, 303, "back to the page");
        }
    });
}
