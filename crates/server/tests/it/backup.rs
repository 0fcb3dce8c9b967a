//! A backup restores into a database of either kind, verifies, and revives nothing that was deleted since: the
//! journal is replayed.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    node::{Node, operator},
    support::{
        Answer, Credentials, Demo, finished,
        people::{Person, Session},
        postgres_database, succeeded,
    },
};

const DATABASE: &str = "WMDA_AUTH__DATABASE__URL";
const JOURNAL: &str = "WMDA_AUTH__JOURNAL__URL";

fn failure(mut command: std::process::Command) -> String {
    let output = finished(&mut command);
    assert!(!output.status.success(), "{command:?} was accepted");
    String::from_utf8(output.stderr).unwrap()
}

fn asked(credentials: &Credentials) -> String {
    format!("{}&resource={}", credentials.body(), credentials.resources[0])
}

/// Creates a secret after the backup: its status index must not be reused.
fn new_secret(demo: &Demo, session: &Session) {
    let expires_at = (chrono::Utc::now() + chrono::TimeDelta::days(3)).to_rfc3339();
    let answer = session.post(
        &format!("/applications/{}/secrets", demo.search.id),
        &json!({ "name": "after", "expires_at": expires_at }),
    );
    assert_eq!(answer.status, 201, "{}", answer.text);
}

fn fresh_sqlite(dir: &Path) -> String {
    format!("sqlite:{}", dir.join("restored.db").display())
}

#[test]
fn a_backup_of_sqlite_fills_postgres_and_the_journal_deletes_again() {
    let dir = TempDir::new().unwrap();
    restored(None, &postgres_database(), dir.path());
}

#[test]
fn a_backup_of_postgres_fills_sqlite_and_the_journal_deletes_again() {
    let dir = TempDir::new().unwrap();
    restored(Some(&postgres_database()), &fresh_sqlite(dir.path()), dir.path());
}

fn restored(from: Option<&str>, to: &str, dir: &Path) {
    let journal = dir.join("journal");
    fs::create_dir(&journal).unwrap();
    let url = format!("file:{}", journal.display());
    let demo = Demo::start_with(from, &[(JOURNAL, &url)]);
    let file = dir.join("backup.jsonl").display().to_string();
    let said = succeeded(operator(&demo, &[]).args(["backup", &file]));
    assert!(said.contains("audit events"), "{said}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(failure(command(&demo, &[], &["backup", &file])).contains("exists"));
    proves_itself(&demo, &file);
    let manager = Person::of(&demo, "credential_manager", 0).sign_in(&demo);
    new_secret(&demo, &manager);
    let deleted = demo.summary["clients"][0]["secret_id"].as_str().unwrap();
    let answer = manager.delete(&format!("/applications/{}/secrets/{deleted}", demo.search.id));
    assert_eq!(answer.status, 204, "{}", answer.text);
    let until = (chrono::Utc::now() + chrono::TimeDelta::days(1)).to_rfc3339();
    suspend(&demo, &until);
    let lines = journal_lines(&journal);
    assert!(
        lines.contains(deleted) && lines.contains("secret.delete"),
        "{lines}"
    );
    let variables = [(DATABASE, to), (JOURNAL, url.as_str())];
    succeeded(&mut command(&demo, &variables, &["restore", &file]));
    let again = failure(command(&demo, &variables, &["restore", &file]));
    assert!(again.contains("is not empty"), "{again}");
    let shortened = failure(command(&demo, &variables, &["admin", "verify-audit"]));
    assert!(
        shortened.contains("the journal knows that it went on"),
        "{shortened}"
    );
    forgets_nothing(&demo, &variables, deleted);
}

/// A restored older backup must not reuse the successor's status index.
#[test]
fn what_a_system_exchanges_by_itself_is_in_the_journal() {
    let dir = TempDir::new().unwrap();
    let url = format!("file:{}", dir.path().display());
    let demo = Demo::start_with(None, &[(JOURNAL, &url)]);
    let manager = Person::of(&demo, "credential_manager", 0).sign_in(&demo);
    let switched = manager.patch(
        &format!("/applications/{}", demo.upload.id),
        &json!({ "self_rotation": true }),
    );
    assert_eq!(switched.status, 200, "{}", switched.text);
    let made = Answer::of(demo.post("/oauth2/rotate-secret", demo.upload.body()));
    assert_eq!(made.status, 201, "{}", made.text);
    let successor = made.json()["secret_id"].as_str().unwrap().to_owned();
    let lines = journal_lines(dir.path());
    assert!(
        lines.contains(&successor) && lines.contains("secret.rotate"),
        "{lines}"
    );
}

fn journal_lines(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect()
}

/// An admin suspends the other application's secret.
fn suspend(demo: &Demo, until: &str) {
    let id = demo.summary["clients"][1]["secret_id"].as_str().unwrap();
    let path = format!("/applications/{}/secrets/{id}", demo.upload.id);
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let answer = admin.patch(&path, &json!({ "suspended_until": until }));
    assert_eq!(answer.status, 200, "{}", answer.text);
}

fn command(demo: &Demo, variables: &[(&str, &str)], arguments: &[&str]) -> std::process::Command {
    let mut command = operator(demo, variables);
    command.args(arguments);
    command
}

fn proves_itself(demo: &Demo, file: &str) {
    let said = succeeded(&mut command(demo, &[], &["backup", "verify", file]));
    assert!(said.contains("whole") && said.contains("holds"), "{said}");
    let text = fs::read_to_string(file).unwrap();
    let other = format!("{file}.other");
    let half: String = text.lines().take(20).map(|line| format!("{line}\n")).collect();
    let changed = text.replacen("Partner-NL", "Partner-DE", 1);
    assert_ne!(text, changed);
    for (broken, expected) in [
        (half, "cut off"),
        (changed, "was changed"),
        ("x\n".to_owned(), "no backup"),
    ] {
        fs::write(&other, broken).unwrap();
        let said = failure(command(demo, &[], &["backup", "verify", &other]));
        assert!(said.contains(expected), "{said}");
    }
}

fn forgets_nothing(demo: &Demo, variables: &[(&str, &str)], deleted: &str) {
    let node = Node::beside(demo, variables);
    assert_eq!(node.token(asked(&demo.search)).status, 401, "{}", node.log());
    assert_eq!(node.token(asked(&demo.upload)).status, 401, "{}", node.log());
    let log = node.log();
    for expected in [
        deleted,
        "status indexes go on at",
        "is suspended again",
        "lost by the restore",
        "secret.create",
        "is older than the journal",
    ] {
        assert!(log.contains(expected), "{expected}: {log}");
    }
    let trail = succeeded(&mut command(
        demo,
        variables,
        &["admin", "audit-events", "--actor", "journal"],
    ));
    assert!(
        trail.contains(deleted) && trail.contains("journal.replay"),
        "{trail}"
    );
    succeeded(&mut command(demo, variables, &["admin", "verify-audit"]));
    let once = Node::beside(demo, variables);
    assert!(
        !once.log().contains("journal"),
        "it is replayed once: {}",
        once.log()
    );
}
