//! `wmda-auth check`: reports every problem at once, and nothing else.

use std::{net::TcpListener, process::Command};

use tempfile::TempDir;

use crate::support::{Demo, binary, finished};

/// `check` with the configuration of a demo, running or not.
fn check_of(demo: &Demo, bind: &str) -> Command {
    let data = demo.data_dir();
    let mut check = binary();
    check
        .arg("check")
        .current_dir(&data)
        .env("WMDA_AUTH__SERVER__BIND", bind)
        .env("WMDA_AUTH__SERVER__PUBLIC_URL", &demo.base)
        .env("WMDA_AUTH__DATABASE__URL", demo.database_url())
        .env("WMDA_AUTH__KEYS__DIR", data.join("keys"))
        .env("WMDA_AUTH__SECRETS__PEPPER_FILE", data.join("pepper"))
        .env("WMDA_AUTH__MAIL__DIRECTORY", data.join("mail"));
    check
}

/// Exit code, standard output and standard error.
fn outcome(check: &mut Command) -> (Option<i32>, String, String) {
    let output = finished(check);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn every_problem_is_listed_at_once() {
    let dir = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let mut check = binary();
    check.arg("check").current_dir(dir.path()).envs([
        ("WMDA_AUTH__SERVER__PUBLIC_URL", "https://auth..example.org"),
        ("WMDA_AUTH__SERVER__BIND", taken.as_str()),
        ("WMDA_AUTH__SERVER__METRICS_BIND", taken.as_str()),
        ("WMDA_AUTH__SERVER__TLS_CERT", "cert.pem"),
        ("WMDA_AUTH__DATABASE__POOL_SIZE", "10000"),
        ("WMDA_AUTH__DATABASE__PASSWORD_FILE", "/nowhere/password"),
        ("WMDA_AUTH__AUDIT__ANCHOR", "/nowhere/anchors.jsonl"),
        ("WMDA_AUTH__CACHE__LEASE_MS", "50"),
        ("WMDA_AUTH__CACHE__CLIENTS", "0"),
        (
            "WMDA_AUTH__ENTRA__TENANT_ID",
            "c3ab1869-1472-4577-b669-0d64c732e75",
        ),
        ("WMDA_AUTH__TOKENS__LIFETIME_SECONDS", "1"),
        ("WMDA_AUTH_SERVER__WORKERS", "2"),
        ("WMDA_AUTH_X", "1"),
    ]);
    let (code, _, text) = outcome(&mut check);
    assert_eq!(code, Some(1), "{text}");
    for named in [
        "server.public_url",
        "server.metrics_bind is the address of server.bind",
        "in use",
        "server.tls_key",
        "database.pool_size",
        "database.password_file",
        "audit.anchor: /nowhere/anchors.jsonl",
        "cache.lease_ms",
        "cache.clients",
        "entra.tenant_id",
        "tokens.lifetime_seconds",
        "WMDA_AUTH__SERVER__WORKERS",
        "WMDA_AUTH_X",
        "check that the path exists",
        "wmda-auth pepper",
    ] {
        assert!(text.contains(named), "{named}: {text}");
    }
    assert!(
        !text.contains("mail.from"),
        "the public URL is wrong, not the sender: {text}"
    );
    for line in text.lines() {
        assert_eq!(text.matches(line).count(), 1, "{line} is told twice: {text}");
    }
}

#[test]
fn a_loopback_address_for_clients_of_elsewhere_is_a_problem() {
    let demo = Demo::sqlite();
    let (code, _, text) = outcome(&mut check_of(&demo, "0.0.0.0:0"));
    assert_eq!(code, Some(1));
    assert!(
        text.contains("server.public_url") && text.contains("0.0.0.0:0"),
        "{text}"
    );
}

#[test]
fn a_server_that_runs_by_the_same_configuration_is_no_problem_with_and_without_tls() {
    for demo in [Demo::sqlite(), Demo::tls()] {
        let mut check = check_of(&demo, demo.address());
        if demo.base.starts_with("https") {
            check
                .env(
                    "WMDA_AUTH__SERVER__TLS_CERT",
                    demo.data_dir().join("tls-cert.pem"),
                )
                .env("WMDA_AUTH__SERVER__TLS_KEY", demo.data_dir().join("tls-key.pem"));
        }
        let (code, said, text) = outcome(&mut check);
        assert_eq!(code, Some(0), "{text}");
        assert!(said.contains("this server runs already"), "{said}");
        // Under another name it is somebody else's server.
        let (code, _, text) = outcome(check.env("WMDA_AUTH__SERVER__PUBLIC_URL", "https://localhost"));
        assert_eq!(code, Some(1));
        assert!(text.contains("server.bind") && text.contains("in use"), "{text}");
    }
}

#[test]
fn a_section_that_one_underscore_hides_stops_the_server_too() {
    let demo = Demo::sqlite();
    let mut serve = check_of(&demo, "127.0.0.1:0");
    let mut hidden = Command::new(serve.get_program());
    hidden.arg("serve").current_dir(demo.data_dir());
    hidden.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    hidden.env("WMDA_AUTH_DATABASE_URL", "postgres://elsewhere/db");
    let (code, _, text) = outcome(&mut hidden);
    assert_eq!(code, Some(1));
    assert!(
        text.contains("WMDA_AUTH__DATABASE__URL") && !text.contains("elsewhere"),
        "{text}"
    );
    let services = [
        ("WMDA_AUTH_SERVICE_HOST", "10.0.0.1"),
        ("WMDA_AUTH_PORT", "tcp://10.0.0.1:443"),
    ];
    let (code, _, text) = outcome(serve.envs(services));
    assert_eq!(code, Some(0), "Kubernetes sets these: {text}");
}
