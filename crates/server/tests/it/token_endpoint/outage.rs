//! Shutdown, and an unreachable database: T-14.

use std::{thread, time::Duration};

use reqwest::blocking::RequestBuilder;

use super::check::*;
use crate::support::{Answer, Demo, GRANT, postgres_database, proxy::Proxy, timed};

#[test]
fn sigterm_ends_with_exit_code_0() {
    let postgres = postgres_database();
    for database in [None, Some(postgres.as_str())] {
        let mut demo = Demo::start(database);
        access_token(&Answer::of(demo.token(demo.upload.body())));
        assert_eq!(demo.terminate().code(), Some(0), "{}", demo.log());
    }
}

/// Answers while the database is unreachable: 503 soon, and never 401.
fn assert_unavailable(request: RequestBuilder) {
    let (took, answer) = timed(|| Answer::of(request));
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert_eq!(answer.error(), "temporarily_unavailable");
    assert!(answer.header("retry-after").parse::<u32>().is_ok());
    assert_not_cached("unavailable", &answer);
    assert!(took < Duration::from_secs(2), "it took {took:?}");
}

#[test]
fn t14_without_its_database_the_server_answers_503_and_recovers() {
    let proxy = Proxy::start(&postgres_database());
    let demo = Demo::start(Some(&proxy.url));
    access_token(&Answer::of(demo.token(demo.upload.body())));
    proxy.cut();
    // The lease of the client cache is half a second.
    thread::sleep(Duration::from_secs(1));
    let wrong = format!("{GRANT}&client_id={}&client_secret=wrong", demo.upload.id);
    assert_unavailable(demo.token(demo.upload.body()));
    assert_unavailable(demo.token(&*wrong));
    assert_unavailable(demo.post(&demo.v1(), demo.upload.body()));
    assert_unavailable(demo.post(&demo.v2(), wrong));
    assert_eq!(demo.get("/readyz").status, 503);
    assert_eq!(demo.get("/livez").status, 200);
    proxy.restore();
    let recovered = (0..50).any(|_| {
        thread::sleep(Duration::from_millis(100));
        let status = Answer::of(demo.token(demo.upload.body())).status;
        assert!(matches!(status, 200 | 503), "{status}");
        status == 200
    });
    assert!(recovered, "{}", demo.log());
}
