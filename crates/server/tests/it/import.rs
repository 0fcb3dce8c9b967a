//! `wmda-auth import`: an export of Entra's directory becomes organisations, applications, permissions and managers,
//! and repeating it changes nothing.

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
    a_hundred_members_are_imported_and_the_second_time_changes_nothing,
);

const API: &str = "f6d78a69-c840-46a2-941b-a0e08f9296e7";
const READ: &str = "00000000-0000-4000-8000-0000000000aa";

fn client(number: u8) -> String {
    format!("aaaaaaaa-0000-4000-8000-0000000000{number:02x}")
}

/// Three applications of two organisations, paginated as by Graph.
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
    // The name belongs to an application with another client id.
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

/// A hundred members with two applications each, two owners and a secret for each application, in pages of fifty, as
/// by Graph.
fn hundred() -> Value {
    let id = |kind: u32, number: u32| format!("bbbbbbbb-{kind:04x}-4000-8000-{number:012x}");
    let country = |number: u32| ["DE", "FR", "NL", "SE", "US"][number as usize % 5];
    let name = |number: u32| {
        let (member, purpose) = (number / 2, ["SMC", "DM"][number as usize % 2]);
        format!("Partner-{}-Member{member:03}-{purpose}", country(member))
    };
    let application = |number: u32| {
        json!({
            "id": format!("object-{number}"), "appId": id(1, number), "displayName": name(number),
            "passwordCredentials": [{"displayName": "live", "hint": "q1_", "endDateTime": "2027-08-01T00:00:00Z", "keyId": id(2, number)}],
        })
    };
    let person = |number: u32| json!({"displayName": format!("Person {number}"), "mail": format!("person{number}@member.example")});
    let owners = |number: u32| {
        let member = number / 2;
        let shared = [member * 2, member * 2 + 1].map(person);
        (format!("object-{number}"), json!(shared))
    };
    let all: Vec<u32> = (0..200).collect();
    let pages = all.chunks(50).map(|page| {
        let applications: Vec<Value> = page.iter().map(|number| application(*number)).collect();
        json!({"@odata.nextLink": "https://graph.example/next", "value": applications})
    });
    let api = json!({"id": "sp-api", "appId": API, "appRoles": [{"id": READ, "value": "Search.Read"}]});
    let principal = |number: &u32| json!({"id": format!("sp-{number}"), "appId": id(1, *number), "accountEnabled": true, "appRoles": []});
    let assignment = |number: &u32| json!({"appRoleId": READ, "principalId": format!("sp-{number}"), "resourceId": "sp-api"});
    json!({
        "applications": pages.collect::<Vec<Value>>(),
        "servicePrincipals": all.iter().map(principal).chain([api]).collect::<Vec<Value>>(),
        // A grant waits half a second, until it is in force on every node: ten are enough.
        "appRoleAssignedTo": all.iter().step_by(20).map(assignment).collect::<Vec<Value>>(),
        "owners": all.iter().map(|number| owners(*number)).collect::<serde_json::Map<String, Value>>(),
    })
}

fn a_hundred_members_are_imported_and_the_second_time_changes_nothing(demo: &Demo) {
    // The output exceeds the buffer of a pipe that nobody reads.
    let run = || {
        let output = import(demo, &hundred(), &["--json"]).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let admin = admin(demo);
    let count = |path: &str| {
        let (mut found, mut after) = (0, String::new());
        loop {
            let page = admin.get(&format!("{path}?limit=200{after}")).json();
            found += page["items"].as_array().unwrap().len();
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return found,
            }
        }
    };
    let all = || ["/organisations", "/applications", "/users", "/audit-events"].map(count);
    let before = all();
    let (rows, _) = run();
    assert_eq!(outcomes(&rows, "replace").len(), 200, "a line for each secret");
    assert_eq!(outcomes(&rows, "refused"), Vec::<String>::new());
    let after = all();
    assert_eq!(
        [after[0] - before[0], after[1] - before[1], after[2] - before[2]],
        [100, 200, 200]
    );
    let (again, summary) = run();
    assert_eq!(outcomes(&again, "done"), Vec::<String>::new(), "{summary}");
    assert!(summary.contains("0 done"), "{summary}");
    assert_eq!(all(), after, "nothing was made or written down a second time");
}
