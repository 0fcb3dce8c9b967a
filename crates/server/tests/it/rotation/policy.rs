//! An organisation's policy applies to creation and rotation.

use std::{thread, time::Duration};

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::{application, manager, organisation, rotate, secrets, switch_on, works};
use crate::support::{
    Answer, Demo,
    people::{Person, Session},
    succeeded,
};

on_both! {
    a_policy_binds_what_is_created_and_what_is_exchanged
}

on_both_with! {
    crate::rotation::LIMITS,
    a_policy_is_obeyed_by_whatever_begins_after_its_answer
}

fn new_secret(demo: &Demo, manager: &Session, days: i64) -> Answer {
    let expiry = (Utc::now() + TimeDelta::days(days))
        .format("%Y-%m-%d")
        .to_string();
    let path = format!("{}/secrets", application(demo));
    manager.post(&path, &json!({ "name": "policy", "expires_at": expiry }))
}

fn a_policy_binds_what_is_created_and_what_is_exchanged(demo: &Demo) {
    let (manager, admin) = (manager(demo), Person::of(demo, "admin", 0).sign_in(demo));
    let policy = organisation(demo, &manager);
    let set = |change: Value| {
        let answer = admin.patch(&policy, &change);
        assert_eq!(answer.status, 200, "{change}: {}", answer.text);
        answer.json()
    };
    let default = json!({ "max_lifetime_days": null, "max_live_secrets": null, "keys_only": false,
        "self_rotation": "allowed", "networks_required": false, "on_leak": "suspend" });
    assert_eq!(
        manager.get(&policy).json(),
        default,
        "managers read what binds them"
    );
    assert_eq!(manager.patch(&policy, &json!({ "keys_only": true })).status, 403);
    let other = Person::of(demo, "credential_manager", 1).sign_in(demo);
    assert_eq!(other.get(&policy).status, 404);
    for bad in [
        json!({ "max_lifetime_days": 0 }),
        json!({ "max_lifetime_days": 366 }),
        json!({ "max_live_secrets": -1 }),
        json!({ "self_rotation": "on" }),
        json!({ "on_leak": null, "unknown": 1 }),
    ] {
        assert_eq!(admin.patch(&policy, &bad).status, 400, "{bad}");
    }
    assert_eq!(set(json!({ "max_lifetime_days": 30 }))["max_lifetime_days"], 30);
    let refused = new_secret(demo, &manager, 40);
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("30 days"), "{}", refused.text);
    assert_eq!(new_secret(demo, &manager, 30).status, 201);
    switch_on(demo, &manager);
    let answer = rotate(demo, &demo.upload).json();
    let life = answer["client_secret_expires_at"].as_i64().unwrap() - Utc::now().timestamp();
    assert!(life <= 30 * 86_400, "an exchange obeys too: {life}");
    set(json!({ "max_lifetime_days": null, "max_live_secrets": 3 }));
    assert_eq!(new_secret(demo, &manager, 40).status, 409);
    set(json!({ "max_live_secrets": null, "self_rotation": "off" }));
    assert_eq!(rotate(demo, &demo.upload).status, 403);
    assert_eq!(
        manager
            .patch(&application(demo), &json!({ "self_rotation": true }))
            .status,
        409
    );
    set(json!({ "self_rotation": "required" }));
    assert_eq!(
        manager
            .patch(&application(demo), &json!({ "self_rotation": false }))
            .status,
        409
    );
    set(json!({ "self_rotation": "allowed", "keys_only": true }));
    assert_eq!(new_secret(demo, &manager, 40).status, 409);
    assert_eq!(rotate(demo, &demo.upload).status, 403);
    assert!(works(demo, &demo.upload), "what lives goes on");
    assert_eq!(
        manager.get(&application(demo)).json()["policy"]["keys_only"],
        true
    );
    let id = policy.split('/').nth(2).unwrap();
    let shown = succeeded(&mut demo.admin(&["policy", id, "--keys-only", "false", "--json"]));
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["keys_only"], false);
    let events = admin.get("/audit-events?action=organisation.policy").json();
    assert_eq!(events["items"].as_array().unwrap().len(), 6);
}

/// Secrets are created as fast as possible while the policy changes: none that begins after its answer succeeds.
fn a_policy_is_obeyed_by_whatever_begins_after_its_answer(demo: &Demo) {
    let (manager, admin) = (manager(demo), Person::of(demo, "admin", 0).sign_in(demo));
    let policy = organisation(demo, &manager);
    thread::scope(|scope| {
        let makers: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| while new_secret(demo, &manager, 9).status != 409 {}))
            .collect();
        thread::sleep(Duration::from_millis(50));
        assert_eq!(admin.patch(&policy, &json!({ "keys_only": true })).status, 200);
        let there = secrets(demo, &manager).len();
        assert_eq!(new_secret(demo, &manager, 9).status, 409);
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        assert_eq!(secrets(demo, &manager).len(), there);
    });
}
