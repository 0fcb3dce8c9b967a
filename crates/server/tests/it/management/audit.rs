//! Changes and denials are audited, without secrets.

use super::new_secret;
use crate::support::{Demo, binary, people::Person};

on_both!(the_audit_trail_is_whole_and_holds_no_secret,);

fn the_audit_trail_is_whole_and_holds_no_secret(demo: &Demo) {
    let person = Person::of(demo, "credential_manager", 0);
    let manager = person.sign_in(demo);
    let auditor = Person::of(demo, "auditor", 0).sign_in(demo);
    let path = format!("/applications/{}/secrets", demo.search.id);
    let made = manager.post(&path, &new_secret("audited")).json();
    assert_eq!(manager.get("/users").status, 403);
    let events = auditor.get("/audit-events?limit=200").json();
    let found = |action: &str, outcome: &str| {
        events["items"].as_array().unwrap().iter().any(|event| {
            event["actor"] == person.email && event["action"] == action && event["outcome"] == outcome
        })
    };
    assert!(found("secret.create", "done") && found("session.create", "done"));
    assert!(found("directory.read", "denied"), "L-01");
    let mut kept = events.to_string() + &demo.log();
    for name in ["wmda-auth.db", "wmda-auth.db-wal"] {
        kept += &String::from_utf8_lossy(&std::fs::read(demo.data_dir().join(name)).unwrap_or_default());
    }
    let secret = made["secret"].as_str().unwrap();
    for hidden in [
        secret,
        &secret[9..],
        &person.password,
        &person.totp_secret,
        &manager.token,
    ] {
        assert!(!kept.contains(hidden), "Z-04, L-02");
    }
    let mut command = binary();
    let database = demo.database_url();
    let verified = command
        .args(["admin", "verify-audit", "--json", "--data-dir"])
        .arg(demo.data_dir())
        .env("WMDA_AUTH__DATABASE__URL", database)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        verified.status.success() && text.contains("\"whole\":true"),
        "{verified:?}"
    );
}
