//! The grace period of a secret that is needed beyond its last day.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::{application, manager, sample_secret, works};
use crate::support::{
    Credentials, Demo, eventually, finished,
    people::{Person, Session},
};

on_both_with! {
    crate::rotation::LIMITS,
    a_secret_that_is_needed_on_its_last_day_lives_on_once
}

fn a_secret_that_is_needed_on_its_last_day_lives_on_once(demo: &Demo) {
    let (manager, admin) = (manager(demo), Person::of(demo, "admin", 0).sign_in(demo));
    let grace = |session: &Session, path: &str, hours: i64| {
        session.post(&format!("{path}/grace"), &json!({ "hours": hours }))
    };
    let early = grace(&admin, &sample_secret(demo), 24);
    assert_eq!(early.status, 409, "{}", early.text);
    let soon = (Utc::now() + TimeDelta::seconds(7)).to_rfc3339();
    let path = format!("{}/secrets", application(demo));
    let make = || {
        let made = manager.post(&path, &json!({ "name": "last day", "expires_at": soon }));
        let made = made.json();
        let client = Credentials {
            secret: made["secret"].as_str().unwrap().to_owned(),
            ..demo.upload.clone()
        };
        (client, format!("{path}/{}", made["id"].as_str().unwrap()))
    };
    let ((_, unused_path), (used, used_path)) = (make(), make());
    assert!(works(demo, &used));
    eventually(|| !manager.get(&used_path).json()["last_used_at"].is_null());
    eventually(|| !works(demo, &used));
    assert_eq!(grace(&manager, &used_path, 24).status, 403, "the team's alone");
    for hours in [0, 73, -1] {
        assert_eq!(grace(&admin, &used_path, hours).status, 400);
    }
    let granted = grace(&admin, &used_path, 72);
    assert_eq!(granted.status, 200, "{}", granted.text);
    assert!(granted.json()["graced_at"].is_string());
    assert_ne!(granted.json()["status"], "expired");
    assert!(works(demo, &used), "by the next request");
    assert_eq!(grace(&admin, &used_path, 1).status, 409, "once");
    let unused_id = unused_path.rsplit('/').next().unwrap();
    let words = ["grant-grace", &demo.upload.id, unused_id, "--hours", "1"];
    let refused = finished(&mut demo.admin(&words));
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("no system has used"), "{said}");
    let events = admin.get("/audit-events?action=secret.grace").json();
    let outcomes: Vec<&Value> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["outcome"])
        .collect();
    assert_eq!(outcomes, ["done", "denied"], "{events}");
}
