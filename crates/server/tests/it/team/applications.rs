//! Applications: renamed, and migrated here with their client ids.

use serde_json::json;

use super::{shell, text};
use crate::support::{Answer, Demo, people::Person};

on_both!(
    names_change_and_ids_stay,
    an_application_keeps_the_client_id_that_it_had,
);

fn names_change_and_ids_stay(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let path = format!("/applications/{}", demo.search.id);
    let renamed = admin.patch(&path, &json!({ "name": "Partner-NL-Renamed-SMC" }));
    assert_eq!(renamed.status, 200, "{}", renamed.text);
    assert_eq!(renamed.json()["name"], "Partner-NL-Renamed-SMC");
    assert_eq!(renamed.json()["client_id"], demo.search.id.as_str());
    let body = format!("{}&resource={}", demo.search.body(), demo.search.resources[0]);
    assert_eq!(
        Answer::of(demo.token(body.as_str())).status,
        200,
        "the credentials go on working"
    );
    for (name, status) in [
        ("Renamed", 400),
        ("PartnerAlternative-NL-Renamed-SMC", 400),
        ("Partner-NL-ExampleRegistry-DM", 409),
    ] {
        assert_eq!(
            admin.patch(&path, &json!({ "name": name })).status,
            status,
            "{name}"
        );
    }
    let both = json!({ "name": "Partner-NL-Again-SMC", "enabled": false });
    let changed = admin.patch(&path, &both).json();
    assert_eq!(
        (&changed["name"], &changed["enabled"]),
        (&both["name"], &json!(false))
    );
    assert_eq!(
        Answer::of(demo.token(body.as_str())).status,
        401,
        "disabled at once"
    );
    let organisation = format!("/organisations/{}", text(&changed["organisation_id"]));
    let moved = admin.patch(
        &organisation,
        &json!({ "name": "New Name", "country_code": "BE" }),
    );
    assert_eq!(
        (moved.status, moved.json()["country_code"].clone()),
        (200, json!("BE"))
    );
    assert_eq!(
        admin
            .patch(&organisation, &json!({ "country_code": "be" }))
            .status,
        400
    );
    assert_eq!(
        admin
            .patch(&organisation, &json!({ "name": "Sample Transplant Centre" }))
            .status,
        409
    );
    assert_eq!(admin.get(&path).json()["organisation_name"], "New Name");
    let person = Person::of(demo, "credential_manager", 1).sign_in(demo);
    let id = text(&person.get("/session").json()["user"]["id"]).to_owned();
    let named = admin.patch(
        &format!("/users/{id}"),
        &json!({ "display_name": "Another Name" }),
    );
    assert_eq!(named.json()["display_name"], "Another Name");
    assert_eq!(
        admin
            .patch(&format!("/users/{id}"), &json!({ "display_name": "a\nb" }))
            .status,
        400
    );
    assert_eq!(
        admin.delete(&format!("/users/{id}/identity")).status,
        404,
        "none is bound"
    );
    let actions = admin.get("/audit-events?limit=200").text;
    for action in [
        "application.rename",
        "organisation.change",
        "user.rename",
        "application.disable",
    ] {
        assert!(actions.contains(action), "{action}");
    }
}

fn an_application_keeps_the_client_id_that_it_had(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let owner = admin.get(&format!("/applications/{}", demo.search.id)).json()["organisation_id"].clone();
    let id = "3f1c2a9e-5b7d-4c68-9a10-8e2f4d6b7c01";
    let new = |name: &str, id: &str| {
        let body = json!({ "name": name, "organisation_id": owner, "client_id": id });
        admin.post("/applications", &body)
    };
    let made = new("Partner-NL-Moved-SMC", id);
    assert_eq!((made.status, text(&made.json()["client_id"])), (201, id));
    assert_eq!(
        new("Partner-NL-Moved-DM", id).status,
        409,
        "a client id is unique"
    );
    for bad in ["", "moved", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(new("Partner-NL-Moved-DM", bad).status, 400, "{bad}");
    }
    let other = "3f1c2a9e-5b7d-4c68-9a10-8e2f4d6b7c02";
    let words = [
        "create-application",
        "--name",
        "Partner-NL-Moved-DM",
        "--organisation",
    ];
    let made = shell(
        demo,
        &[&words[..], &[text(&owner), "--client-id", other]].concat(),
    );
    assert_eq!(text(&made["client_id"]), other);
}
