//! Managers of an application, and the warning when there are too few.

use serde_json::{Value, json};

use super::text;
use crate::support::{Demo, people::Person};

on_both!(
    too_few_managers_are_counted_and_put_off,
    only_credential_managers_are_assigned,
);

fn too_few_managers_are_counted_and_put_off(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let attention = || admin.get("/attention").json();
    let thin = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        let thin = items.filter(|one| one["kind"] == "too_few_managers");
        thin.map(|one| text(&one["client_id"]).to_owned()).collect()
    };
    let before = attention();
    assert!(thin(&before).contains(&demo.search.id), "one manager is too few");
    assert_eq!(before["counts"]["too_few_managers"], thin(&before).len());
    // A person who has not enrolled can't sign in.
    let application = admin.get(&format!("/applications/{}", demo.search.id)).json();
    let person = json!({ "email": "second@example.org", "display_name": "Second",
                         "organisation_id": application["organisation_id"], "roles": ["credential_manager"] });
    let person = admin.post("/users", &person).json();
    let managers = format!("/applications/{}/managers", demo.search.id);
    let assigned = admin.post(&managers, &json!({ "user_id": person["id"] })).json();
    assert_eq!(
        (&assigned["enabled"], &assigned["can_sign_in"]),
        (&json!(true), &json!(false))
    );
    assert!(thin(&attention()).contains(&demo.search.id));
    let snooze = |days: u32| {
        let body = json!({ "kind": "too_few_managers", "client_ids": [demo.search.id], "days": days });
        admin.post("/attention/snooze", &body).status
    };
    assert_eq!((snooze(400), snooze(30)), (400, 204));
    let after = attention();
    assert!(!thin(&after).contains(&demo.search.id));
    assert_eq!(after["counts"]["snoozed"], 1);
    assert_eq!(snooze(0), 204);
    assert!(
        thin(&attention()).contains(&demo.search.id),
        "0 days show it again"
    );
}

fn only_credential_managers_are_assigned(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let application = admin.get(&format!("/applications/{}", demo.search.id)).json();
    let person = |email: &str, roles: Value| {
        let new = json!({ "email": email, "display_name": "P", "organisation_id": application["organisation_id"], "roles": roles });
        admin.post("/users", &new).json()["id"].clone()
    };
    let managers = format!("/applications/{}/managers", demo.search.id);
    for (email, roles) in [
        ("a@example.org", json!(["auditor"])),
        ("b@example.org", json!([])),
    ] {
        let answer = admin.post(&managers, &json!({ "user_id": person(email, roles) }));
        assert_eq!(answer.status, 400, "{}", answer.text);
    }
    let good = person("good@example.org", json!(["auditor", "credential_manager"]));
    assert_eq!(admin.post(&managers, &json!({ "user_id": good })).status, 201);
}
