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
