//! What a view of a secret tells of its mails and of late use, against the built binary, on both databases.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and uses the machine's clock and environment"
)]
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file uses a part of the support"
)]

#[path = "support/people.rs"]
mod people;
mod support;

use people::{Person, Session};
use serde_json::Value;
use support::{Answer, Demo, eventually, http};

/// Runs a test on both databases.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite { $(#[test] fn $name() { super::$name(&super::Demo::sqlite()); })+ }
        mod postgres { $(#[test] fn $name() { super::$name(&super::Demo::postgres()); })+ }
    };
}

on_both!(the_value_of_an_expired_secret_is_noticed_and_no_other);

fn expired_secrets(session: &Session, demo: &Demo) -> Vec<Value> {
    let path = format!("/applications/{}/secrets?status=expired", demo.search.id);
    session.get(&path).json()["items"].as_array().unwrap().clone()
}

fn the_value_of_an_expired_secret_is_noticed_and_no_other(demo: &Demo) {
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let wrong = format!("{}x", demo.expired.body());
    assert_eq!(Answer::of(demo.token(wrong)).status, 401);
    let resource = &demo.search.resources[0];
    let right = format!("{}&resource={resource}", demo.search.body());
    assert_eq!(Answer::of(demo.token(right)).status, 200);
    // The live secret's use is flushed together with late use.
    eventually(|| {
        let path = format!("/applications/{}/secrets", demo.search.id);
        let listed = manager.get(&path).json();
        listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| !one["last_used_at"].is_null())
    });
    let [expired] = &expired_secrets(&manager, demo)[..] else {
        panic!("the demo has one expired secret");
    };
    assert_eq!(expired["tried_after_expiry_at"], Value::Null);
    assert!(expired["notifications"].is_array());
    assert_eq!(Answer::of(demo.token(demo.expired.body())).status, 401);
    eventually(|| expired_secrets(&manager, demo)[0]["tried_after_expiry_at"].is_string());
    let expired = &expired_secrets(&manager, demo)[0];
    assert_eq!(expired["last_used_at"], Value::Null, "it got no token");
}
