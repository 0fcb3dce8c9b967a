//! A response header announces the secret's expiry, and the guide's checks notice it.

use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::support::{
    Answer, Credentials, Demo, block_of_guide, finished,
    people::{Person, Session},
};

on_both! {
    the_answer_tells_when_the_secret_ends
}

/// Creates another secret of the upload client, with this lifetime.
fn with_secret(demo: &Demo, manager: &Session, life: TimeDelta) -> (Credentials, DateTime<Utc>) {
    let path = format!("/applications/{}/secrets", demo.upload.id);
    let ends = (Utc::now() + life).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let made = manager.post(&path, &json!({ "name": "short", "expires_at": ends }));
    assert_eq!(made.status, 201, "{}", made.text);
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    let client = Credentials {
        secret,
        ..demo.upload.clone()
    };
    (client, ends.parse().unwrap())
}

fn the_answer_tells_when_the_secret_ends(demo: &Demo) {
    const HEADER: &str = "client-secret-expires-at";
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let (near, ends) = with_secret(demo, &manager, TimeDelta::days(59));
    for path in ["/oauth2/token", &demo.v1(), &demo.v2()] {
        let answer = Answer::of(demo.post(path, near.body()));
        let said: DateTime<Utc> = answer.header(HEADER).parse().unwrap();
        assert_eq!(said, ends, "{path}");
        assert_eq!(
            Answer::of(demo.post(path, demo.upload.body())).header(HEADER),
            "",
            "{path}"
        );
    }
    let member = |client: &Credentials| {
        let body = Answer::of(demo.token(client.body())).json();
        body["client_secret_expires_at"].as_i64().unwrap()
    };
    assert_eq!(member(&near), ends.timestamp());
    let left = member(&demo.upload) - Utc::now().timestamp();
    assert!((364 * 86_400..=365 * 86_400).contains(&left), "{left}");
    let entra = Answer::of(demo.post(&demo.v2(), near.body())).json();
    assert!(entra.get("client_secret_expires_at").is_none(), "{entra}");
}

#[test]
fn the_shell_check_of_the_guide_fails_in_the_last_month() {
    let demo = Demo::sqlite();
    let manager = Person::of(&demo, "credential_manager", 0).sign_in(&demo);
    let check = block_of_guide("# bash, curl, jq");
    let checked = |client: &Credentials| {
        let mut bash = Command::new("bash");
        let out = finished(bash.args(["-c", &check]).envs([
            ("BASE", &demo.base),
            ("CLIENT_ID", &client.id),
            ("CLIENT_SECRET", &client.secret),
            ("RESOURCE", &client.resources[0]),
        ]));
        let said = String::from_utf8(out.stdout).unwrap();
        (out.status.success(), said)
    };
    assert!(checked(&demo.upload).0);
    let (near, _) = with_secret(&demo, &manager, TimeDelta::hours(20 * 24 + 12));
    let said = "the client secret has 20 days left\n".to_owned();
    assert_eq!(checked(&near), (false, said));
}
