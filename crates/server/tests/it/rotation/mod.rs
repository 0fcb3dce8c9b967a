//! Self-rotation, policies of organisations, and the grace period, over HTTP and on both databases; attacks on each.

mod exchange;
mod grace;
mod guide;
mod policy;

use serde_json::{Value, json};

use crate::support::{
    Answer, Credentials, Demo,
    people::{Person, Session},
};

/// No limits on number and lifetime of secrets.
const LIMITS: [(&str, &str); 3] = [
    ("WMDA_AUTH__SECRETS__MAX_PER_APPLICATION", "1000"),
    ("WMDA_AUTH__SECRETS__MIN_LIFETIME_MINUTES", "0"),
    ("WMDA_AUTH__LIMITS__SECRETS_PER_HOUR", "100000"),
];

fn rotate(demo: &Demo, client: &Credentials) -> Answer {
    let body = format!("client_id={}&client_secret={}", client.id, client.secret);
    Answer::of(demo.post("/oauth2/rotate-secret", body))
}

fn successor(demo: &Demo, client: &Credentials) -> Credentials {
    let answer = rotate(demo, client);
    assert_eq!(answer.status, 201, "{}", answer.text);
    Credentials {
        secret: answer.json()["client_secret"].as_str().unwrap().to_owned(),
        ..client.clone()
    }
}

fn works(demo: &Demo, client: &Credentials) -> bool {
    let answer = Answer::of(demo.token(client.body()));
    match answer.status {
        200 => true,
        401 => false,
        _ => panic!("{}", answer.text),
    }
}

fn manager(demo: &Demo) -> Session {
    Person::of(demo, "credential_manager", 0).sign_in(demo)
}

fn application(demo: &Demo) -> String {
    format!("/applications/{}", demo.upload.id)
}

fn switch_on(demo: &Demo, manager: &Session) {
    let answer = manager.patch(&application(demo), &json!({ "self_rotation": true }));
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["self_rotation"], true);
}

fn sample_secret(demo: &Demo) -> String {
    let id = demo.summary["clients"][1]["secret_id"].as_str().unwrap();
    format!("{}/secrets/{id}", application(demo))
}

fn secrets(demo: &Demo, session: &Session) -> Vec<Value> {
    let listed = session
        .get(&format!("{}/secrets?limit=200", application(demo)))
        .json();
    listed["items"].as_array().unwrap().clone()
}

/// The organisation of the sample applications.
fn organisation(demo: &Demo, session: &Session) -> String {
    let view = session.get(&application(demo)).json();
    format!(
        "/organisations/{}/policy",
        view["organisation_id"].as_str().unwrap()
    )
}
