//! The WMDA team's work, by REST and by `wmda-auth admin`: each is the other's equal.

use serde_json::{Value, json};

use crate::support::{
    Answer, Credentials, Demo, binary, finished,
    people::{Person, Session, attempt, code},
    succeeded,
};

on_both!(
    names_change_and_ids_stay,
    a_resource_changes_how_its_tokens_are_made,
    a_resource_server_lives_and_dies,
    a_member_is_set_up_from_the_shell_alone,
    an_application_keeps_the_client_id_that_it_had,
    people_and_things_are_found_by_what_is_known_of_them,
    all_secrets_are_reported_as_json_and_csv,
    too_few_managers_are_counted_and_put_off,
    names_that_deceive_are_refused_everywhere,
    only_credential_managers_are_assigned,
);

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// `wmda-auth admin … --json`; the outcome as JSON.
fn shell(demo: &Demo, words: &[&str]) -> Value {
    let out = succeeded(admin(demo, words).arg("--json"));
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{words:?}: {out}"))
}

fn admin(demo: &Demo, words: &[&str]) -> std::process::Command {
    let mut command = binary();
    command
        .arg("admin")
        .args(words)
        .arg("--data-dir")
        .arg(demo.data_dir());
    command
        .env("WMDA_AUTH__DATABASE__URL", demo.database_url())
        .env("USER", "tester");
    command
}

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

/// The ids of what a list holds.
fn ids(answer: &Answer, field: &str) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let items = answer.json()["items"].as_array().unwrap().clone();
    items.iter().map(|one| text(&one[field]).to_owned()).collect()
}

fn people_and_things_are_found_by_what_is_known_of_them(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let path = format!("/applications/{}", demo.search.id);
    let application = admin.get(&path).json();
    let owner = text(&application["organisation_id"]);
    let hint = &demo.search.secret[..3];
    let found = |session: &Session, search: &str| {
        ids(
            &session.get(&format!("/applications?search={search}")),
            "client_id",
        )
    };
    for search in [&demo.search.id, &demo.search.id[..8], hint] {
        assert!(found(&admin, search).contains(&demo.search.id), "{search}");
    }
    let name = text(&application["organisation_name"]).replace(' ', "%20");
    assert!(
        found(&admin, &name.to_lowercase()).contains(&demo.search.id),
        "any case"
    );
    let foreign = text(&demo.summary["clients"][2]["client_id"]);
    assert!(
        found(&manager, &foreign[..13]).is_empty(),
        "Z-01: a search shows nothing that a list does not"
    );
    let own = ids(
        &admin.get(&format!("/applications?organisation_id={owner}")),
        "client_id",
    );
    assert!(own.contains(&demo.search.id) && !own.contains(&foreign.to_owned()));
    let people = ids(&admin.get("/users?search=DEMO%20AUDITOR"), "email");
    assert_eq!(people, [Person::of(demo, "auditor", 0).email]);
    let members = ids(&admin.get(&format!("/users?organisation_id={owner}")), "email");
    assert!(members.contains(&Person::of(demo, "credential_manager", 0).email) && members.len() < 4);
    let made = manager
        .post(
            &format!("{path}/secrets"),
            &json!({ "name": "Tulip", "expires_at": in_days(40) }),
        )
        .json();
    assert_eq!(
        manager
            .delete(&format!("{path}/secrets/{}", text(&made["id"])))
            .status,
        204
    );
    let trail = |query: &str| {
        admin
            .get(&format!("/audit-events?action=secret.delete&{query}"))
            .json()["items"]
            .clone()
    };
    for query in [
        "search=tulip".to_owned(),
        format!("search={}", demo.search.id),
        format!("client_id={}", demo.search.id),
    ] {
        let event = &trail(&query)[0];
        assert_eq!(event["names"][text(&made["id"])], "Tulip", "{query}");
        assert_eq!(event["names"][demo.search.id.as_str()], application["name"]);
    }
    assert_eq!(trail("search=no-such-thing"), json!([]));
    let history = manager.get(&format!("{path}/history?limit=2")).json();
    let actions: Vec<&str> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| text(&one["action"]))
        .collect();
    assert_eq!(actions, ["secret.delete", "secret.create"]);
    assert_eq!(
        history["items"][0].get("source"),
        None,
        "managers see no addresses of others"
    );
}

fn in_days(days: i64) -> String {
    (chrono::Utc::now() + chrono::TimeDelta::days(days))
        .format("%Y-%m-%d")
        .to_string()
}

fn all_secrets_are_reported_as_json_and_csv(demo: &Demo) {
    let auditor = Person::of(demo, "auditor", 0).sign_in(demo);
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let path = format!("/applications/{}/secrets", demo.search.id);
    let formula = "=HYPERLINK(\"http://example.org\",\"a\"),b";
    let made = manager.post(&path, &json!({ "name": formula, "expires_at": in_days(10) }));
    assert_eq!(made.status, 201, "{}", made.text);
    let report = |query: &str| ids(&auditor.get(&format!("/reports/secrets?{query}")), "secret_name");
    let everything = report("limit=200");
    assert!(everything.len() >= 6 && everything.contains(&formula.to_owned()));
    let first = auditor.get("/reports/secrets?limit=2").json();
    let rest = ids(
        &auditor.get(&format!(
            "/reports/secrets?limit=200&after={}",
            text(&first["next"])
        )),
        "secret_name",
    );
    assert_eq!(rest.len() + 2, everything.len());
    let soon = report(&format!("expiring_until={}&never_used=true", in_days(10)));
    assert!(
        soon.contains(&formula.to_owned()) && soon.len() < everything.len(),
        "{soon:?}"
    );
    assert!(!report(&format!("expiring_until={}", in_days(9))).contains(&formula.to_owned()));
    assert_eq!(report("older_than=1"), ["demo, expired"]);
    assert_eq!(auditor.get("/reports/secrets?older_than=x").status, 400);
    let csv = Answer::of(
        auditor
            .request("GET", "/reports/secrets")
            .header("accept", "text/csv"),
    );
    assert!(csv.header("content-type").starts_with("text/csv"), "{}", csv.text);
    assert!(
        csv.text
            .contains("\"'=HYPERLINK(\"\"http://example.org\"\",\"\"a\"\"),b\""),
        "{}",
        csv.text
    );
    assert_eq!(csv.text.lines().count(), everything.len() + 1);
    let printed = succeeded(&mut admin(demo, &["report", "secrets", "--csv"]));
    assert_eq!(printed, csv.text, "the shell and REST say the same");
    let rows = shell(demo, &["report", "secrets", "--never-used"]);
    assert!(!rows.as_array().unwrap().is_empty());
}

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
    // Somebody who has not enrolled can't sign in.
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

fn names_that_deceive_are_refused_everywhere(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let application = admin.get(&format!("/applications/{}", demo.search.id)).json();
    let owner = text(&application["organisation_id"]);
    let resource = &demo.search.resources[0];
    for bad in [
        "a\u{202e}b",
        "\u{200b}",
        "\u{2800}",
        "\u{3164}",
        "a\u{200f}",
        "a\u{7}",
        "a\nb",
        "\u{feff}",
    ] {
        let requests = [
            (
                &manager,
                "POST",
                format!("/applications/{}/secrets", demo.search.id),
                json!({ "name": bad, "expires_at": in_days(40) }),
            ),
            (
                &admin,
                "POST",
                "/organisations".to_owned(),
                json!({ "name": bad, "country_code": "NL" }),
            ),
            (
                &admin,
                "PATCH",
                format!("/organisations/{owner}"),
                json!({ "name": bad }),
            ),
            (
                &admin,
                "POST",
                "/users".to_owned(),
                json!({ "email": "a@example.org", "display_name": bad, "roles": ["auditor"] }),
            ),
            (
                &admin,
                "POST",
                "/resource-servers".to_owned(),
                json!({ "name": bad, "resources": [resource] }),
            ),
            (
                &admin,
                "POST",
                "/applications".to_owned(),
                json!({ "name": format!("Partner-NL-{bad}-SMC"), "organisation_id": owner }),
            ),
        ];
        for (session, method, path, body) in requests {
            let answer = Answer::of(session.request(method, &path).json(&body));
            assert_eq!(answer.status, 400, "{method} {path} {bad:?}: {}", answer.text);
        }
    }
    let emoji = "😀".repeat(120);
    let path = format!("/applications/{}/secrets", demo.search.id);
    let made = manager.post(&path, &json!({ "name": emoji, "expires_at": in_days(40) }));
    assert_eq!(
        (made.status, text(&made.json()["name"])),
        (201, &*emoji),
        "120 characters, whatever they are"
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

fn a_resource_changes_how_its_tokens_are_made(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let id = &demo.search.resources[0];
    let path = format!("/resources/{id}");
    let change = json!({ "token_lifetime_seconds": 120, "signing_algorithm": "RS256", "further_roles": ["Search.Admin"] });
    let changed = admin.patch(&path, &change);
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(
        changed.json()["roles"],
        json!(["Search.Admin", "Search.Read", "Search.Write"])
    );
    let body = format!("{}&resource={id}", demo.search.body());
    let token = Answer::of(demo.token(body.as_str())).json();
    assert_eq!(token["expires_in"], 120, "the next token already");
    let header = jsonwebtoken::decode_header(text(&token["access_token"])).unwrap();
    assert_eq!(header.alg, jsonwebtoken::Algorithm::RS256);
    let permission = json!({ "resource_id": id, "roles": ["Search.Admin"] });
    let granted = admin.post(
        &format!("/applications/{}/permissions", demo.search.id),
        &permission,
    );
    assert_eq!(granted.status, 201, "{}", granted.text);
    let back = admin
        .patch(
            &path,
            &json!({ "token_lifetime_seconds": null, "signing_algorithm": null }),
        )
        .json();
    assert_eq!(
        (&back["token_lifetime_seconds"], &back["signing_algorithm"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(Answer::of(demo.token(body.as_str())).json()["expires_in"], 3600);
    for bad in [
        json!({}),
        json!({ "token_lifetime_seconds": 59 }),
        json!({ "token_lifetime_seconds": 86401 }),
        json!({ "signing_algorithm": "none" }),
        json!({ "signing_algorithm": "HS256" }),
        json!({ "further_roles": ["a b"] }),
        json!({ "name": "Match-Connect" }),
    ] {
        assert_eq!(admin.patch(&path, &bad).status, 400, "{bad}");
    }
}

fn a_resource_server_lives_and_dies(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let resource = &demo.search.resources[0];
    let made = admin.post(
        "/resource-servers",
        &json!({ "name": "An API", "resources": [resource] }),
    );
    assert_eq!(made.status, 201, "{}", made.text);
    let id = text(&made.json()["client_id"]).to_owned();
    let first = text(&made.json()["client_secret"]).to_owned();
    let token = {
        let body = format!("{}&resource={resource}", demo.search.body());
        text(&Answer::of(demo.token(body)).json()["access_token"]).to_owned()
    };
    let ask = |secret: &str| {
        let body = format!("token={token}&client_id={id}&client_secret={secret}");
        Answer::of(demo.post("/oauth2/introspect", body))
    };
    assert_eq!(ask(&first).json()["active"], true);
    let replaced = admin.post(&format!("/resource-servers/{id}/secret"), &json!({}));
    let second = text(&replaced.json()["client_secret"]).to_owned();
    assert_eq!(
        (ask(&first).status, ask(&second).status),
        (401, 200),
        "the old one ends at once"
    );
    for bad in [
        json!({ "name": "An API", "resources": [] }),
        json!({ "name": "", "resources": [resource] }),
        json!({ "name": "Another", "resources": ["00000000-0000-4000-8000-000000000000"] }),
    ] {
        assert_eq!(admin.post("/resource-servers", &bad).status, 400, "{bad}");
    }
    let twice = json!({ "name": "An API", "resources": [resource] });
    assert_eq!(admin.post("/resource-servers", &twice).status, 409);
    assert!(admin.get("/resource-servers").text.contains(&id));
    assert_eq!(admin.delete(&format!("/resource-servers/{id}")).status, 204);
    assert_eq!(ask(&second).status, 401);
    assert_eq!(admin.delete(&format!("/resource-servers/{id}")).status, 404);
}

fn a_member_is_set_up_from_the_shell_alone(demo: &Demo) {
    let organisation = shell(
        demo,
        &[
            "create-organisation",
            "--name",
            "From a Shell",
            "--country-code",
            "FR",
        ],
    );
    let owner = text(&organisation["id"]);
    let name = "Partner-FR-FromAShell-SMC";
    let application = shell(
        demo,
        &["create-application", "--name", name, "--organisation", owner],
    );
    let client_id = text(&application["client_id"]);
    let resource = "11111111-1111-4111-8111-111111111111";
    let made = [
        "create-resource",
        "--id",
        resource,
        "--name",
        "An API",
        "--environment",
        "sandbox",
        "--role",
        "Read",
    ];
    shell(demo, &made);
    shell(
        demo,
        &[
            "change-resource",
            resource,
            "--token-lifetime-seconds",
            "600",
            "--role",
            "Write",
        ],
    );
    shell(
        demo,
        &["grant", client_id, resource, "--role", "Read", "--role", "Write"],
    );
    let invited = [
        "create-user",
        "--email",
        "shell@example.org",
        "--display-name",
        "A Shell",
        "--organisation",
        owner,
        "--role",
        "credential_manager",
    ];
    let person = shell(demo, &invited);
    let user = text(&person["id"]);
    shell(
        demo,
        &["assign-manager", client_id, user, "--confirmed-by", "Head of IT"],
    );
    // The person enrols by the link that was printed, and makes a secret that gets a token.
    let nobody = Session::new(demo, "");
    let token = text(&person["enrolment_url"]).split_once("#token=").unwrap().1;
    let begun = nobody
        .post(
            "/enrolment",
            &json!({ "token": token, "password": "correct horse" }),
        )
        .json();
    let secret = text(&begun["totp_secret"]);
    let confirmed = nobody.post(
        "/enrolment/confirm",
        &json!({ "token": token, "totp": code(secret) }),
    );
    assert_eq!(confirmed.status, 201, "{}", confirmed.text);
    let proof = json!({
        "email": "shell@example.org", "password": "correct horse", "recovery_code": confirmed.json()["recovery_codes"][0],
    });
    let session = Session::new(demo, text(&attempt(demo, &proof).json()["token"]));
    let day = (chrono::Utc::now() + chrono::TimeDelta::days(20))
        .format("%Y-%m-%d")
        .to_string();
    let secrets = format!("/applications/{client_id}/secrets");
    let made = session.post(&secrets, &json!({ "name": "first", "expires_at": day }));
    let value = Credentials {
        id: client_id.to_owned(),
        secret: text(&made.json()["secret"]).to_owned(),
        resources: Vec::new(),
    };
    let answer = Answer::of(demo.token(value.body())).json();
    assert_eq!(
        (&answer["expires_in"], &answer["scope"]),
        (&json!(600), &json!("Read Write"))
    );
    // What is there is shown, in tables and as JSON.
    let listed = shell(
        demo,
        &[
            "list",
            "secrets",
            "--application",
            client_id,
            "--status",
            "expiring",
        ],
    );
    assert_eq!(listed[0]["name"], "first");
    let table = succeeded(&mut admin(
        demo,
        &["list", "managers", "--application", client_id],
    ));
    assert!(
        table.starts_with("USER_ID") && table.contains("Head of IT"),
        "{table}"
    );
    let shown = succeeded(&mut admin(demo, &["show", "application", client_id]));
    assert!(
        shown.contains("permissions:") && shown.contains("Read, Write"),
        "{shown}"
    );
    assert_eq!(
        shell(demo, &["list", "permissions", "--application", client_id])[0]["resource_id"],
        resource
    );
    assert_eq!(shell(demo, &["show", "user", user])["email"], "shell@example.org");
    for kind in [
        "organisations",
        "applications",
        "resources",
        "resource-servers",
        "users",
    ] {
        assert!(
            !shell(demo, &["list", kind]).as_array().unwrap().is_empty(),
            "{kind}"
        );
    }
    let renamed = shell(
        demo,
        &["rename-application", client_id, "--name", "Partner-FR-Other-SMC"],
    );
    assert_eq!(renamed["name"], "Partner-FR-Other-SMC");
    shell(demo, &["rename-user", user, "--display-name", "Other"]);
    shell(demo, &["change-organisation", owner, "--name", "Other"]);
    let server = shell(
        demo,
        &[
            "create-resource-server",
            "--name",
            "An API",
            "--resource",
            resource,
        ],
    );
    let server = text(&server["client_id"]).to_owned();
    assert!(shell(demo, &["new-resource-server-secret", &server])["client_secret"].is_string());
    shell(demo, &["delete-resource-server", &server]);
    // And taken away again.
    shell(demo, &["delete-secret", client_id, text(&made.json()["id"])]);
    assert_eq!(
        Answer::of(demo.token(value.body())).status,
        401,
        "when the command ends"
    );
    shell(demo, &["revoke", client_id, resource]);
    shell(demo, &["remove-manager", client_id, user]);
    assert_eq!(
        session.get(&format!("/applications/{client_id}")).status,
        404,
        "Z-02"
    );
    shell(demo, &["disable", "user", user]);
    assert_eq!(session.get("/session").status, 401);
    for kind in [("organisation", owner), ("application", client_id)] {
        assert_eq!(shell(demo, &["disable", kind.0, kind.1])["enabled"], false);
        assert_eq!(shell(demo, &["enable", kind.0, kind.1])["enabled"], true);
    }
    let object = format!("application/{client_id}/secret/{}", text(&made.json()["id"]));
    let filter = ["audit-events", "--action", "secret.delete", "--object", &object];
    let events = succeeded(&mut admin(demo, &filter));
    assert_eq!(events.lines().count(), 1);
    assert!(events.contains("command line (tester)"), "{events}");
    let failed = finished(&mut admin(demo, &["show", "application", user]));
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(
        !failed.status.success() && said.starts_with("wmda-auth: "),
        "{said}"
    );
}

#[test]
fn help_teaches_by_examples() {
    for words in [
        &["admin", "--help"][..],
        &["admin", "list", "--help"],
        &["admin", "grant", "--help"],
    ] {
        let help = succeeded(binary().args(words));
        assert!(
            help.contains("Example") && help.contains("wmda-auth admin"),
            "{help}"
        );
    }
}
