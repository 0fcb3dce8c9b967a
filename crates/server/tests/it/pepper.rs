//! Rotation of the pepper while nodes run: a version is known everywhere before it is used, and one that is needed
//! can't be lost.

use std::{fs, path::Path, time::Duration};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    node::{Node, operator},
    support::{
        Answer, Credentials, Demo, FORM, binary, eventually, finished, http,
        people::{Person, Session},
        succeeded, wait_until,
    },
};

const PATIENCE: Duration = Duration::from_secs(30);

on_both!(
    a_version_is_known_on_every_node_before_one_uses_it,
    a_version_that_something_needs_can_not_be_taken_away,
);

/// The line of `pepper list` for a version.
fn listed(demo: &Demo, version: i32) -> String {
    let text = succeeded(operator(demo, &[]).args(["pepper", "list"]));
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("version {version} ")));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

fn failure(mut command: std::process::Command) -> String {
    let output = finished(&mut command);
    assert!(!output.status.success(), "{command:?} was accepted");
    String::from_utf8(output.stderr).unwrap()
}

fn activate(demo: &Demo, wait: &str) -> std::process::Command {
    let mut command = operator(demo, &[]);
    command.args(["pepper", "activate", "--wait", wait, "--operator", "ann"]);
    command
}

/// Uses a session at a node whose token another node issued.
fn session_at(node: &Node, session: &Session) -> u16 {
    let request = http().get(format!("{}/api/v1/session", node.base));
    Answer::of(request.bearer_auth(&session.token)).status
}

/// Creates a secret for the first manager's first application.
fn new_secret(demo: &Demo, session: &Session) -> Credentials {
    let client_id = demo.summary["clients"][0]["client_id"].as_str().unwrap();
    let expires_at = (chrono::Utc::now() + chrono::TimeDelta::days(3)).to_rfc3339();
    let answer = session.post(
        &format!("/applications/{client_id}/secrets"),
        &json!({ "name": "after", "expires_at": expires_at }),
    );
    assert_eq!(answer.status, 201, "{}", answer.text);
    Credentials {
        id: client_id.to_owned(),
        secret: answer.json()["secret"].as_str().unwrap().to_owned(),
        resources: demo.search.resources.clone(),
    }
}

fn asked(credentials: &Credentials) -> String {
    format!("{}&resource={}", credentials.body(), credentials.resources[0])
}

fn introspected(node: &Node, demo: &Demo, token: &str) -> Answer {
    let server = demo.resource_server(&demo.search.resources[0]);
    let body = format!(
        "token={token}&client_id={}&client_secret={}",
        server.id, server.secret
    );
    let request = http().post(format!("{}/oauth2/introspect", node.base));
    Answer::of(request.header("content-type", FORM).body(body))
}

fn a_version_is_known_on_every_node_before_one_uses_it(demo: &Demo) {
    let copy = TempDir::new().unwrap();
    let (file, other) = (demo.data_dir().join("pepper"), copy.path().join("pepper"));
    fs::copy(&file, &other).unwrap();
    let apart = other.display().to_string();
    let node = Node::beside(demo, &[("WMDA_AUTH__SECRETS__PEPPER_FILE", &apart)]);
    let manager = Person::of(demo, "credential_manager", 0);
    let before = manager.sign_in(demo);
    let old = new_secret(demo, &before);
    succeeded(operator(demo, &[]).args(["pepper", "add"]));
    eventually(|| listed(demo, 2).contains("known, not used yet"));
    let refused = failure(activate(demo, "1"));
    assert!(
        refused.contains("stays unused") && refused.contains("do not know it"),
        "{refused}"
    );
    assert!(listed(demo, 1).contains("(active)"));
    fs::copy(&file, &other).unwrap();
    succeeded(&mut activate(demo, "30"));
    let told = || demo.log().contains("version 2 is used") && node.log().contains("version 2 is used");
    assert!(wait_until(PATIENCE, told), "{} {}", demo.log(), node.log());
    assert_eq!(session_at(&node, &before), 200, "nobody is signed out");
    assert_eq!(before.get("/session").status, 200);
    let new = new_secret(demo, &before);
    for credentials in [&old, &new] {
        assert_eq!(node.token(asked(credentials)).status, 200);
        assert_eq!(Answer::of(demo.token(asked(credentials))).status, 200);
    }
    moves_what_is_used(demo, (&node, &old));
    let trail = succeeded(operator(demo, &[]).args(["admin", "audit-events", "--action", "pepper.activate"]));
    assert!(
        trail.contains("pepper/2") && trail.contains("command line (ann)"),
        "{trail}"
    );
    succeeded(operator(demo, &[]).args(["admin", "verify-audit"]));
}

/// A secret is rehashed when it is presented, a resource server's too, and sealed values by a command.
fn moves_what_is_used(demo: &Demo, (node, old): (&Node, &Credentials)) {
    let count = |what: &str| -> i64 {
        let line = listed(demo, 1);
        let rest = line.split_once(what).map_or("", |parts| parts.1);
        let digits: String = rest
            .trim_start()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        digits.parse().unwrap_or(0)
    };
    let servers = count("resource servers:");
    let token = node.token(asked(old)).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(introspected(node, demo, &token).status, 200);
    eventually(|| count("resource servers:") == servers - 1);
    let secrets = count("live secrets:");
    assert_eq!(node.token(asked(&demo.search)).status, 200);
    eventually(|| count("live secrets:") < secrets);
    assert_eq!(node.token(asked(&demo.search)).status, 200);
    assert_eq!(Answer::of(demo.token(asked(&demo.search))).status, 200);
    assert!(count("authenticators:") > 0);
    succeeded(operator(demo, &[]).args(["pepper", "migrate"]));
    assert_eq!(count("authenticators:"), 0);
    Person::of(demo, "admin", 0).sign_in(demo);
}

fn a_version_that_something_needs_can_not_be_taken_away(demo: &Demo) {
    succeeded(operator(demo, &[]).args(["pepper", "add"]));
    succeeded(&mut activate(demo, "30"));
    let file = demo.data_dir().join("pepper");
    let whole = fs::read_to_string(&file).unwrap();
    let second = whole.lines().find(|line| line.starts_with("2 ")).unwrap();
    fs::write(&file, second).unwrap();
    let mut check = operator(demo, &[]);
    check.arg("check");
    let text = failure(check);
    for expected in [
        "version 1 of the pepper is missing",
        "live secrets:",
        "authenticators:",
        "restore its line",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(!text.contains("audit events"), "their key is kept: {text}");
    let told = || demo.log().contains("version 1 of the pepper is missing");
    assert!(wait_until(PATIENCE, told), "{}", demo.log());
    assert_eq!(
        Answer::of(demo.token(asked(&demo.search))).status,
        200,
        "a node that runs keeps what it had read"
    );
    fs::write(&file, &whole).unwrap();
    succeeded(operator(demo, &[]).arg("check"));
}

/// Runs `wmda-auth …` in a folder of its own.
fn alone(dir: &Path, arguments: &[&str]) -> std::process::Command {
    let mut command = binary();
    command.current_dir(dir).args(arguments);
    command
}

#[test]
fn a_version_that_nothing_needs_is_removed_and_its_audit_events_can_be_verified() {
    let dir = TempDir::new().unwrap();
    let run = |arguments: &[&str]| succeeded(&mut alone(dir.path(), arguments));
    for command in [&["pepper"][..], &["keys", "generate"], &["migrate"]] {
        run(command);
    }
    run(&[
        "admin",
        "create-organisation",
        "--name",
        "One",
        "--country-code",
        "NL",
    ]);
    for version in ["2", "3"] {
        run(&["pepper", "add"]);
        run(&["pepper", "activate"]);
        run(&["pepper", "migrate"]);
        let file = dir.path().join("pepper");
        let text = fs::read_to_string(&file).unwrap();
        let kept: String = text.lines().filter(|line| line.starts_with(version)).collect();
        let text = run(&["pepper", "list"]);
        assert!(text.contains("its line can be removed"), "{text}");
        fs::write(&file, kept).unwrap();
        run(&["check"]);
        run(&["admin", "verify-audit"]);
    }
    let text = run(&["pepper", "list"]);
    assert!(
        text.contains("version 1 (retired, not in the file): nothing needs it; the key of its"),
        "{text}"
    );
}
