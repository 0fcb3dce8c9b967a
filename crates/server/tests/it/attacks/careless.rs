//! a careless manager affects no other application, on both databases.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::{
    Answer, Demo,
    people::{Person, Session},
    postgres_database,
};

const VARIABLES: [(&str, &str); 1] = [("WMDA_AUTH__LIMITS__SECRETS_PER_HOUR", "4")];

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite { $(#[test] fn $name() { super::$name(&super::start(None)); })+ }
        mod postgres { $(#[test] fn $name() { super::$name(&super::start(Some(&super::postgres_database()))); })+ }
    };
}

on_both!(
    x02_a_manager_creates_so_many_secrets_an_hour,
    x02_a_secret_of_a_minute_is_refused,
);

fn start(database: Option<&str>) -> Demo {
    Demo::start_with(database, &VARIABLES)
}

fn secrets_of(client_id: &str) -> String {
    format!("/applications/{client_id}/secrets")
}

fn create(manager: &Session, path: &str, life: TimeDelta) -> Answer {
    let expires_at = (Utc::now() + life).to_rfc3339();
    manager.post(path, &json!({ "name": "careless", "expires_at": expires_at }))
}

fn x02_a_manager_creates_so_many_secrets_an_hour(demo: &Demo) {
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let path = secrets_of(&demo.search.id);
    let mut made = 0;
    let refused = loop {
        let answer = create(&manager, &path, TimeDelta::days(200));
        if answer.status != 201 {
            break answer;
        }
        made += 1;
        let id: Value = answer.json()["id"].clone();
        assert_eq!(
            manager.delete(&format!("{path}/{}", id.as_str().unwrap())).status,
            204
        );
    };
    assert!(made < 4, "those of the demo count, and deleted ones: {made}");
    assert_eq!(refused.status, 429, "{}", refused.text);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=3_600).contains(&wait), "{wait}");
    assert!(refused.text.contains("within an hour"), "{}", refused.text);
    let other = secrets_of(&demo.upload.id);
    assert_eq!(
        create(&manager, &other, TimeDelta::days(200)).status,
        201,
        "another application"
    );
}

fn x02_a_secret_of_a_minute_is_refused(demo: &Demo) {
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let path = secrets_of(&demo.upload.id);
    let refused = create(&manager, &path, TimeDelta::minutes(1));
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("60 minutes"), "{}", refused.text);
    assert_eq!(create(&manager, &path, TimeDelta::minutes(61)).status, 201);
}
