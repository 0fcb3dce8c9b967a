//! `/metrics`: counts by route and cause on an address of its own, without secrets.

use crate::support::{Answer, Demo, finished, http};

pub const ANY_PORT: (&str, &str) = ("WMDA_AUTH__SERVER__METRICS_BIND", "127.0.0.1:0");

/// The metrics address in the log.
pub fn metrics_url(log: impl Fn() -> String) -> String {
    let mut url = None;
    crate::support::eventually(|| {
        let log = log();
        let told = log.lines().find_map(|line| line.split_once("metrics at "));
        url = told.map(|(_, url)| url.trim().to_owned());
        url.is_some()
    });
    url.unwrap()
}

/// The value of the sample that contains all of these texts.
pub fn sample(text: &str, parts: &[&str]) -> f64 {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let line = lines.find(|line| parts.iter().all(|part| line.contains(part)));
    let line = line.unwrap_or_else(|| panic!("no sample with {parts:?} in {text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn tokens_refusals_and_requests_are_counted() {
    let demo = Demo::start_with(None, &[ANY_PORT]);
    let url = metrics_url(|| demo.log());
    let good = format!("{}&resource={}", demo.search.body(), demo.search.resources[0]);
    for _ in 0..3 {
        assert_eq!(Answer::of(demo.token(good.as_str())).status, 200);
    }
    let v1 = format!("{}&resource={}", demo.upload.body(), demo.upload.resources[0]);
    assert_eq!(Answer::of(demo.post(&demo.v1(), v1)).status, 200);
    let wrong = format!(
        "{}&client_id={}&client_secret=pasted",
        crate::support::GRANT,
        demo.search.id
    );
    assert_eq!(Answer::of(demo.token(wrong)).status, 401);
    assert_eq!(demo.get("/some/path/pasted").status, 404);
    let answer = Answer::of(http().get(&url));
    assert!(
        answer
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    let text = answer.text;
    let issued =
        |kind: &str, algorithm: &str| sample(&text, &["wmda_auth_tokens_issued_total", kind, algorithm]);
    assert_eq!(issued("\"rfc9068\"", "\"ES256\""), 3.0);
    assert_eq!(issued("\"entra_v1\"", "\"RS256\""), 1.0);
    assert_eq!(
        sample(&text, &["wmda_auth_refusals_total", "\"wrong_secret\""]),
        1.0
    );
    let counted = "wmda_auth_http_request_duration_seconds_count";
    assert_eq!(
        sample(&text, &[counted, "\"/oauth2/token\"", "\"POST\"", "\"200\""]),
        3.0
    );
    assert_eq!(sample(&text, &[counted, "\"unknown route\"", "\"404\""]), 1.0);
    assert_eq!(sample(&text, &["wmda_auth_lease_valid"]), 1.0);
    for secret in [demo.search.secret.as_str(), "pasted", demo.search.id.as_str()] {
        assert!(!text.contains(secret), "L-02 {secret}");
    }
    assert_eq!(demo.get("/metrics").status, 404, "never where everybody can ask");
}

#[test]
fn an_address_that_is_taken_is_named_with_its_key() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = crate::support::binary();
    command
        .args(["demo", "--json", "--port", "0"])
        .env("WMDA_AUTH__SERVER__METRICS_BIND", &address);
    let output = finished(&mut command);
    assert!(!output.status.success());
    assert!(output.stdout.is_empty(), "not ready, so nothing is announced");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains(&format!("server.metrics_bind {address}")), "{text}");
}

#[test]
fn what_the_process_and_its_database_say_is_told_too() {
    let demo = Demo::start_with(None, &[ANY_PORT]);
    let url = metrics_url(|| demo.log());
    let text = || Answer::of(http().get(&url)).text;
    crate::support::eventually(|| text().contains("wmda_auth_client_secrets{left=\"expired\"} 1"));
    crate::support::eventually(|| sample(&text(), &["wmda_auth_poll_age_seconds "]) < 5.0);
    let text = text();
    let one = |parts: &[&str]| sample(&text, parts);
    assert_eq!(
        one(&[
            "wmda_auth_build_info{",
            concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"")
        ]),
        1.0
    );
    assert!(one(&["wmda_auth_database_connections_limit "]) >= 4.0);
    assert!(one(&["wmda_auth_database_connections{state=\"idle\"}"]) >= 0.0);
    assert_eq!(one(&["wmda_auth_mails{state=\"failed\"}"]), 0.0);
    assert!(one(&["wmda_auth_mails_overdue_seconds "]) >= 0.0);
    assert_eq!(one(&["wmda_auth_webhook_deliveries{state=\"waiting\"}"]), 0.0);
    assert!(one(&["wmda_auth_signing_key_activation_timestamp_seconds", "\"ES256\""]) > 1.7e9);
    assert_eq!(one(&["wmda_auth_usage_flushes_failed_total "]), 0.0);
    assert_eq!(one(&["wmda_auth_password_hashes_in_progress "]), 0.0);
    assert_eq!(one(&["wmda_auth_throttled_sources "]), 0.0);
    for name in [
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "process_threads ",
        "process_start_time_seconds ",
    ] {
        assert!(one(&[name]) >= 1.0, "{name}");
    }
    assert!(one(&["process_cpu_seconds_total "]) > 0.0);
}

#[test]
fn a_source_that_guesses_is_counted_while_it_does() {
    let few = [
        ANY_PORT,
        ("WMDA_AUTH__LIMITS__FAILURES_PER_SECOND", "1"),
        ("WMDA_AUTH__LIMITS__FAILURE_BURST", "3"),
    ];
    let demo = Demo::start_with(None, &few);
    let url = metrics_url(|| demo.log());
    for number in 0..8 {
        let wrong = format!(
            "{}&client_id={}&client_secret=wrong{number}",
            crate::support::GRANT,
            demo.search.id
        );
        Answer::of(demo.token(wrong));
    }
    let text = Answer::of(http().get(&url)).text;
    assert_eq!(sample(&text, &["wmda_auth_throttled_sources "]), 1.0, "{text}");
}
