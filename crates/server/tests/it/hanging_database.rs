//! T-14 with a database that accepts connections and never answers, like a stopped one: 503 with Retry-After within
//! two seconds, never 401, and recovery without a restart.

use std::{
    thread,
    time::{Duration, Instant},
};

use reqwest::blocking::RequestBuilder;

use crate::support::{Answer, Demo, GRANT, postgres_database, proxy::Proxy, timed, wait_until};

const LIMIT: Duration = Duration::from_secs(2);
/// Longer than the lease of the client cache.
const LEASE_IS_OVER: Duration = Duration::from_secs(2);
const RECOVERY: Duration = Duration::from_secs(15);

fn start() -> (Proxy, Demo) {
    let proxy = Proxy::start(&postgres_database());
    let demo = Demo::start(Some(&proxy.url));
    assert_eq!(token(&demo), 200);
    (proxy, demo)
}

fn token(demo: &Demo) -> u16 {
    Answer::of(demo.token(demo.upload.body())).status
}

fn wrong(demo: &Demo) -> String {
    format!("{GRANT}&client_id={}&client_secret=wrong", demo.upload.id)
}

fn assert_unavailable(what: &str, request: RequestBuilder) {
    let (took, answer) = timed(|| Answer::of(request));
    assert_eq!(answer.status, 503, "{what}: {}", answer.text);
    assert_eq!(answer.error(), "temporarily_unavailable", "{what}");
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{what}: {seconds}");
    assert_eq!(answer.header("www-authenticate"), "", "{what}");
    assert!(took < LIMIT, "{what} took {took:?}");
}

/// Right secrets get tokens again, and wrong ones 401.
fn assert_recovers(demo: &Demo) {
    let recovered = wait_until(RECOVERY, || {
        let status = token(demo);
        assert!(matches!(status, 200 | 503), "{status}");
        status == 200
    });
    assert!(recovered, "{}", demo.log());
    let refused = wait_until(RECOVERY, || {
        let status = Answer::of(demo.token(wrong(demo))).status;
        assert!(matches!(status, 401 | 503), "{status}");
        status == 401
    });
    assert!(refused, "{}", demo.log());
    assert!(wait_until(RECOVERY, || demo.get("/readyz").status == 200));
}

#[test]
fn t14_while_the_database_hangs_every_answer_is_503_in_time_and_then_it_recovers() {
    let (proxy, demo) = start();
    proxy.stall();
    thread::sleep(LEASE_IS_OVER);
    // Twice: the second time every pooled connection hangs already.
    for _ in 0..2 {
        assert_unavailable("right", demo.token(demo.upload.body()));
        assert_unavailable("wrong", demo.token(wrong(&demo)));
        assert_unavailable("right on v1", demo.post(&demo.v1(), demo.upload.body()));
        assert_unavailable("wrong on v2", demo.post(&demo.v2(), wrong(&demo)));
    }
    let (took, ready) = timed(|| demo.get("/readyz").status);
    assert_eq!(ready, 503);
    assert!(took < LIMIT, "/readyz took {took:?}");
    assert_eq!(demo.get("/livez").status, 200);
    assert_eq!(demo.get("/oauth2/jwks").status, 200, "keys need no database");
    proxy.restore();
    assert_recovers(&demo);
}

#[test]
fn t14_many_requests_at_once_are_all_answered_in_time() {
    let (proxy, demo) = start();
    proxy.stall();
    thread::sleep(LEASE_IS_OVER);
    thread::scope(|scope| {
        for number in 0..24 {
            let demo = &demo;
            let body = if number % 2 == 0 {
                demo.upload.body()
            } else {
                wrong(demo)
            };
            scope.spawn(move || assert_unavailable("one of many", demo.token(body)));
        }
    });
    proxy.restore();
    assert_recovers(&demo);
}

#[test]
fn t14_a_database_that_hangs_and_then_breaks_off_is_found_again() {
    let (proxy, demo) = start();
    proxy.stall();
    thread::sleep(LEASE_IS_OVER);
    assert_unavailable("right", demo.token(demo.upload.body()));
    proxy.cut();
    assert_unavailable("right", demo.token(demo.upload.body()));
    proxy.restore();
    assert_recovers(&demo);
}

#[test]
fn sigterm_ends_the_server_while_its_database_hangs() {
    let (proxy, mut demo) = start();
    proxy.stall();
    thread::sleep(LEASE_IS_OVER);
    assert_unavailable("right", demo.token(demo.upload.body()));
    let began = Instant::now();
    assert_eq!(demo.terminate().code(), Some(0), "{}", demo.log());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let told = "the last use of secrets could not be written";
    assert!(demo.log().contains(told), "{}", demo.log());
}
