//! `wmda-auth import`: an export of Entra's directory becomes organisations, applications, permissions and managers, and
//! the same again changes nothing.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{
    Demo, binary, finished,
    people::{Person, Session},
    succeeded,
};

on_both!(
    a_dry_run_changes_nothing,
    members_keep_their_client_ids_and_a_second_import_changes_nothing,
    what_cannot_be_taken_is_said_and_the_rest_goes_on,
);

const API: &str = "f6d78a69-c840-46a2-941b-a0e08f9296e7";
const READ: &str = "00000000-0000-4000-8000-0000000000aa";

fn client(number: u8) -> String {
    format!("aaaaaaaa-0000-4000-8000-0000000000{number:02x}")
}

/// Three applications of two organisations, in pages, as Graph gives them.
fn export() -> Value {
    let application = |number: u8, name: &str| {
        json!({
            "id": format!("object-{number}"), "appId": client(number), "displayName": name,
            "passwordCredentials": [
                {"displayName": "live", "hint": "x7_", "endDateTime": "2027-05-01T10:00:00Z", "keyId": client(99)},
            ],
        })
    };
    let principal = |number: u8, enabled: bool| json!({"id": format!("sp-{number}"), "appId": client(number), "accountEnabled": enabled, "appRoles": []});
    let assignment = |number: u8| json!({"appRoleId": READ, "principalId": format!("sp-{number}"), "resourceId": "sp-api"});
    let ann = json!({"displayName": "Ann Import", "mail": "Ann@import.example", "userPrincipalName": "ann@wmda.example"});
    json!({
        "applications": [
            {"@odata.nextLink": "https://graph.example/next", "value": [
                application(1, "Partner-SE-Nordic-SMC"), application(2, "Partner-SE-Nordic-DM"),
            ]},
            {"value": [application(3, "Partner-FI-Nordic-SMC"), application(4, "An internal tool")]},
        ],
        "servicePrincipals": {"value": [
            principal(1, true), principal(2, true), principal(3, false),
            {"id": "sp-api", "appId": API, "appRoles": [{"id": READ, "value": "Search.Read"}]},
        ]},
        "appRoleAssignedTo": [assignment(1), assignment(3)],
        "owners": {"object-1": [ann], "object-2": {"value": [ann]}},
    })
}

fn import(demo: &Demo, export: &Value, words: &[&str]) -> Command {
    let file = demo.data_dir().join("export.json");
    std::fs::write(&file, export.to_string()).unwrap();
    let mut command = binary();
    command
        .arg("import")
        .arg(file)
        .args(words)
        .arg("--data-dir")
        .arg(demo.data_dir());
    command
        .env("WMDA_AUTH__DATABASE__URL", demo.database_url())
        .env("USER", "tester");
    command
}

fn outcomes(rows: &str, outcome: &str) -> Vec<String> {
    let rows: Vec<Value> = serde_json::from_str(rows).unwrap();
    let those = rows.into_iter().filter(|row| row["outcome"] == outcome);
    those
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

fn admin(demo: &Demo) -> Session {
    Person::of(demo, "admin", 0).sign_in(demo)
}

fn a_dry_run_changes_nothing(demo: &Demo) {
    let rows = succeeded(&mut import(demo, &export(), &["--dry-run", "--json"]));
    let planned = outcomes(&rows, "planned");
    for what in [
        "organisation Nordic",
        "application Partner-SE-Nordic-SMC",
        "person ann@import.example",
    ] {
        assert!(
            planned.iter().any(|one| one.starts_with(what)),
            "{what}: {planned:?}"
        );
    }
    assert_eq!(outcomes(&rows, "done"), Vec::<String>::new());
    assert_eq!(
        admin(demo).get(&format!("/applications/{}", client(1))).status,
        404
    );
}

fn members_keep_their_client_ids_and_a_second_import_changes_nothing(demo: &Demo) {
    let first = succeeded(&mut import(demo, &export(), &["--json"]));
    assert_eq!(outcomes(&first, "skipped").len(), 1, "the internal tool: {first}");
    assert_eq!(
        outcomes(&first, "replace").len(),
        3,
        "each secret has an expiry: {first}"
    );
    assert!(first.contains("expires 1 May 2027"), "{first}");

    let admin = admin(demo);
    let search = admin.get(&format!("/applications/{}", client(1))).json();
    assert_eq!(search["name"], "Partner-SE-Nordic-SMC");
    assert_eq!(search["permissions"][0]["resource_id"], API);
    assert_eq!(search["permissions"][0]["roles"], json!(["Search.Read"]));
    assert_eq!(search["managers"][0]["email"], "ann@import.example");
    let data = admin.get(&format!("/applications/{}", client(2))).json();
    assert_eq!(data["organisation_id"], search["organisation_id"]);
    assert_eq!(
        data["managers"][0]["user_id"], search["managers"][0]["user_id"],
        "one person"
    );
    let finnish = admin.get(&format!("/applications/{}", client(3))).json();
    assert_eq!(finnish["organisation_name"], "Nordic");
    assert_eq!(search["organisation_name"], "Nordic (SE)", "names are unique");
    assert_eq!(finnish["enabled"], false, "as in Entra");

    let again = succeeded(&mut import(demo, &export(), &["--json"]));
    for changed in ["done", "refused", "planned"] {
        assert_eq!(outcomes(&again, changed), Vec::<String>::new());
    }
}

fn what_cannot_be_taken_is_said_and_the_rest_goes_on(demo: &Demo) {
    let mut export = export();
    export["servicePrincipals"]["value"][3]["appId"] = json!(client(50));
    // The name is taken by an application with another client id.
    export["applications"][0]["value"][0]["displayName"] = json!("Partner-NL-ExampleRegistry-SMC");
    let output = finished(&mut import(demo, &export, &["--json"]));
    assert!(
        !output.status.success(),
        "an import that is not whole is no success"
    );
    let rows = String::from_utf8(output.stdout).unwrap();
    assert_eq!(outcomes(&rows, "refused").len(), 1, "{rows}");
    assert!(
        rows.contains("there is no such resource here: create it"),
        "{rows}"
    );
    assert_eq!(
        admin(demo).get(&format!("/applications/{}", client(2))).status,
        200
    );

    export["applications"] = json!([{"id": "x", "displayName": "no appId"}]);
    let output = finished(&mut import(demo, &export, &[]));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("applications[0]: missing field `appId`"),
        "{error}"
    );
}
