//! The audit trail of a running server: anchored in a file outside the database, which detects a rollback, and
//! monitored.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    metrics::{ANY_PORT, metrics_url, sample},
    node::{Node, operator},
    start_up::psql,
    support::{Answer, Demo, finished, http, people::Person, postgres_database, succeeded, wait_until},
};

const DATABASE: &str = "WMDA_AUTH__DATABASE__URL";
const ANCHOR: &str = "WMDA_AUTH__AUDIT__ANCHOR";
const PATIENCE: Duration = Duration::from_secs(30);
const CONTRADICTED: &str = "is not the one that was anchored";

#[test]
fn x04_a_server_on_sqlite_anchors_its_trail_and_an_earlier_one_is_noticed() {
    let dir = TempDir::new().unwrap();
    let elsewhere = format!("sqlite:{}", dir.path().join("earlier.db").display());
    anchored(None, &elsewhere, dir.path());
}

#[test]
fn x04_a_server_on_postgres_anchors_its_trail_and_an_earlier_one_is_noticed() {
    let dir = TempDir::new().unwrap();
    anchored(Some(&postgres_database()), &postgres_database(), dir.path());
}

fn anchored(database: Option<&str>, earlier: &str, dir: &Path) {
    let path = dir.join("anchors.jsonl");
    let file = path.display().to_string();
    let demo = Demo::start_with(database, &[(ANCHOR, &file)]);
    let first = &anchors(&path, 1)[0];
    assert_eq!(verified(&demo, &[(ANCHOR, &file)]), [first.clone(), json!(1)]);
    let backup = dir.join("backup").display().to_string();
    succeeded(operator(&demo, &[]).args(["backup", &backup]));
    Person::of(&demo, "admin", 0).sign_in(&demo);
    let node = Node::beside(&demo, &[(ANCHOR, &file)]);
    let second = &anchors(&path, 2)[1];
    assert!(second.as_i64() > first.as_i64(), "{first} and {second}");
    assert_eq!(verified(&demo, &[(ANCHOR, &file)]), [second.clone(), json!(2)]);
    drop(node);
    // The earlier database with its seal: without anchors it looks intact.
    let before = [(DATABASE, earlier)];
    succeeded(operator(&demo, &before).args(["restore", &backup]));
    assert_eq!(verified(&demo, &before), [first.clone(), Value::Null]);
    let arguments = ["admin", "verify-audit", "--anchor", &file];
    let output = finished(operator(&demo, &before).args(arguments));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains(CONTRADICTED), "{said}");
    let node = Node::beside(&demo, &[before[0], (ANCHOR, &file)]);
    let told = || node.log().contains(CONTRADICTED);
    assert!(wait_until(PATIENCE, told), "{}", node.log());
    assert_eq!(anchors(&path, 3).len(), 3, "it is anchored nevertheless");
}

/// The number of events in each anchor, once there are this many anchors.
fn anchors(file: &Path, number: usize) -> Vec<Value> {
    let read = || fs::read_to_string(file).unwrap_or_default();
    let there = wait_until(PATIENCE, || read().matches('\n').count() >= number);
    assert!(there, "{}", read());
    let anchor = |line: &str| -> Value { serde_json::from_str::<Value>(line).unwrap()["events"].clone() };
    read().lines().map(anchor).collect()
}

/// Numbers of events and anchors by `verify-audit`, which finds the trail intact.
fn verified(demo: &Demo, variables: &[(&str, &str)]) -> [Value; 2] {
    let said = succeeded(operator(demo, variables).args(["admin", "verify-audit", "--json"]));
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["whole"], true, "{said}");
    assert_eq!(said["events"], said["sealed"], "{said}");
    ["events", "anchors"].map(|name| said[name].clone())
}

#[test]
fn x04_a_file_of_anchors_that_was_cut_empty_or_altered_is_told() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("anchors.jsonl");
    let file = path.display().to_string();
    let demo = Demo::start_with(None, &[(ANCHOR, &file)]);
    anchors(&path, 1);
    let line = fs::read_to_string(&path).unwrap();
    let verify = || finished(operator(&demo, &[(ANCHOR, &file)]).args(["admin", "verify-audit"]));
    let altered = line.replacen("\"head\":\"", "\"head\":\"00", 1);
    for (text, expected) in [("", "holds no anchor"), (altered.as_str(), CONTRADICTED)] {
        fs::write(&path, text).unwrap();
        let output = verify();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(expected), "{said}");
    }
    // A line truncated by a full disk is no anchor, and the next one starts a new line.
    fs::write(&path, &line[..20]).unwrap();
    let node = Node::beside(&demo, &[(ANCHOR, &file)]);
    let continued = || fs::read_to_string(&path).unwrap().matches('\n').count() == 2;
    assert!(wait_until(PATIENCE, continued), "{}", node.log());
    let output = verify();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && said.contains("unreadable_anchors"),
        "{said}"
    );
}

/// The server checks every thirty seconds.
const LOOKED: Duration = Duration::from_secs(60);
const CUT: &str = "the audit trail does not end where it was sealed";

fn is_intact(metrics: &str) -> bool {
    let told = Answer::of(http().get(metrics)).text;
    sample(&told, &["wmda_auth_audit_trail_intact "]) == 1.0
}

#[test]
fn x04_a_running_server_notices_that_events_are_gone() {
    let url = postgres_database();
    let demo = Demo::start_with(Some(&url), &[ANY_PORT]);
    let metrics = metrics_url(|| demo.log());
    assert!(is_intact(&metrics));
    psql(
        &url,
        "ALTER TABLE audit_events DISABLE TRIGGER USER; \
         CREATE TABLE kept AS SELECT * FROM audit_events ORDER BY sequence DESC LIMIT 1; \
         DELETE FROM audit_events WHERE sequence IN (SELECT sequence FROM kept)",
    );
    assert!(wait_until(LOOKED, || !is_intact(&metrics)), "{}", demo.log());
    psql(&url, "INSERT INTO audit_events SELECT * FROM kept");
    assert!(wait_until(LOOKED, || is_intact(&metrics)), "{}", demo.log());
    let told = || demo.log().contains("the audit trail is intact again");
    assert!(wait_until(PATIENCE, told), "{}", demo.log());
    assert_eq!(demo.log().matches(CUT).count(), 1, "{}", demo.log());
    // The head is right, but an event before it is missing.
    psql(&url, "DELETE FROM audit_events WHERE sequence = 2");
    let node = Node::beside(&demo, &[ANY_PORT]);
    let metrics = metrics_url(|| node.log());
    assert!(wait_until(PATIENCE, || !is_intact(&metrics)), "{}", node.log());
    let told = || node.log().contains("1 events of the audit trail are gone");
    assert!(wait_until(PATIENCE, told), "{}", node.log());
}
