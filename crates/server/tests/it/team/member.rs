//! A member's life cycle by commands alone, and the commands' help.

use serde_json::json;

use super::{admin, shell, text};
use crate::support::{
    Answer, Credentials, Demo, binary, finished,
    people::{Session, attempt, code},
    succeeded,
};

on_both!(a_member_is_set_up_from_the_shell_alone,);

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
    // The person enrols with the printed link, and creates a secret that obtains a token.
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
    // Lists and views, as tables and as JSON.
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
    // And deleted again.
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
