//! `wmda-auth admin issue-secrets`: secrets for all applications of an organisation, in a file that only its
//! recipient can decrypt.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use age::x25519::Identity;
use serde_json::{Value, json};

use crate::support::{
    Answer, Demo, binary, finished,
    people::{Person, Session},
};

on_both!(
    secrets_are_issued_into_a_file_and_the_same_again_does_no_harm,
    the_rules_for_managers_hold_for_issued_secrets,
);

fn in_days(days: i64) -> String {
    (chrono::Utc::now() + chrono::TimeDelta::days(days))
        .format("%Y-%m-%d")
        .to_string()
}

fn admin(demo: &Demo) -> Session {
    Person::of(demo, "admin", 0).sign_in(demo)
}

/// An application's organisation, and the client ids of all its applications.
fn owner(admin: &Session, client_id: &str) -> (String, BTreeSet<String>) {
    let owner = admin.get(&format!("/applications/{client_id}")).json()["organisation_id"].clone();
    let all = admin.get("/applications?limit=200").json();
    let all = all["items"].as_array().unwrap();
    let own = all.iter().filter(|one| one["organisation_id"] == owner);
    let ids = own.map(|one| text(&one["client_id"])).collect();
    (text(&owner), ids)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

struct Order<'a> {
    organisation: &'a str,
    recipient: &'a str,
    expires: &'a str,
    out: &'a Path,
}

/// Exit code, report, and standard error.
fn issue(demo: &Demo, order: &Order<'_>) -> (Option<i32>, Vec<Value>, String) {
    let mut command: Command = binary();
    command
        .args(["admin", "issue-secrets", "--json", "--expires", order.expires])
        .args([
            "--organisation",
            order.organisation,
            "--recipient",
            order.recipient,
        ])
        .arg("--out")
        .arg(order.out)
        .arg("--data-dir")
        .arg(demo.data_dir());
    command
        .env("WMDA_AUTH__DATABASE__URL", demo.database_url())
        .env("USER", "tester");
    let output = finished(&mut command);
    let rows = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        !rows.contains("_wmda_") && !error.contains("_wmda_"),
        "no value is printed"
    );
    let rows = serde_json::from_str(&rows).unwrap_or_default();
    (output.status.code(), rows, error)
}

fn outcomes(rows: &[Value]) -> BTreeSet<&str> {
    rows.iter().map(|row| row["outcome"].as_str().unwrap()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn secrets_are_issued_into_a_file_and_the_same_again_does_no_harm(demo: &Demo) {
    let admin = admin(demo);
    let (organisation, clients) = owner(&admin, &demo.search.id);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("issued");
    let identity = Identity::generate();
    let last_day = in_days(300);
    let order = Order {
        organisation: &organisation,
        recipient: &identity.to_public().to_string(),
        expires: &last_day,
        out: &out,
    };
    let (code, rows, error) = issue(demo, &order);
    assert_eq!(code, Some(0), "{error}");
    let issued = rows.iter().filter(|row| row["outcome"] == "issued").count();
    let [file] = &files(&out)[..] else {
        panic!("one file for one organisation: {rows:?}");
    };
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let sealed = fs::read(file).unwrap();
    assert!(sealed.starts_with(b"age-encryption.org/v1"));
    assert!(!sealed.windows(6).any(|part| part == b"_wmda_"));
    assert!(
        age::decrypt(&Identity::generate(), &sealed).is_err(),
        "nobody else opens it"
    );
    let content: Value = serde_json::from_slice(&age::decrypt(&identity, &sealed).unwrap()).unwrap();
    assert_eq!(content["organisation_id"], json!(organisation));
    let secrets = content["secrets"].as_array().unwrap();
    assert_eq!(secrets.len(), issued);
    for secret in secrets {
        let client_id = text(&secret["client_id"]);
        assert!(clients.contains(&client_id), "of this organisation alone");
        let path = format!("/applications/{client_id}/secrets/{}", text(&secret["secret_id"]));
        let view = admin.get(&path).json();
        assert_eq!(view["name"], "Issued by the WMDA team");
        assert_eq!(view["created_by"], "command line (tester)");
        assert_eq!(view["expires_at"], json!(format!("{last_day}T23:59:59Z")));
        assert_eq!(text(&view["hint"]), text(&secret["client_secret"])[..3]);
        let application = admin.get(&format!("/applications/{client_id}")).json();
        let resource = text(&application["permissions"][0]["resource_id"]);
        let body = format!(
            "grant_type=client_credentials&client_id={client_id}&client_secret={}&resource={resource}",
            text(&secret["client_secret"])
        );
        let answer = Answer::of(demo.token(body));
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let events = admin.get("/audit-events?action=secret.create&actor=command%20line%20(tester)&limit=200");
    assert_eq!(events.json()["items"].as_array().unwrap().len(), issued);
    let (code, rows, error) = issue(demo, &order);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(
        rows.iter()
            .filter(|row| row["outcome"] == "there already")
            .count(),
        issued
    );
    assert!(!outcomes(&rows).contains("issued"));
    assert_eq!(files(&out), std::slice::from_ref(file));
}

fn the_rules_for_managers_hold_for_issued_secrets(demo: &Demo) {
    let admin = admin(demo);
    let (organisation, _) = owner(&admin, &demo.upload.id);
    let folder = tempfile::tempdir().unwrap();
    let recipient = Identity::generate().to_public().to_string();
    let out = folder.path();
    let month = in_days(30);
    let order = Order {
        organisation: &organisation,
        recipient: &recipient,
        expires: &month,
        out,
    };
    let too_long = Order {
        expires: &in_days(400),
        ..order
    };
    let (code, rows, _) = issue(demo, &too_long);
    assert_eq!((code, files(out).len()), (Some(1), 0), "longer than a year");
    assert!(outcomes(&rows).contains("refused"), "{rows:?}");
    // An application may have ten secrets.
    let manager = Person::of(demo, "credential_manager", 0).sign_in(demo);
    let path = format!("/applications/{}/secrets", demo.upload.id);
    let one = json!({ "name": "another", "expires_at": in_days(30) });
    while manager.post(&path, &one).status == 201 {}
    let (code, rows, _) = issue(demo, &order);
    let name = text(&admin.get(&format!("/applications/{}", demo.upload.id)).json()["name"]);
    let row = rows.iter().find(|row| row["name"] == name.as_str()).unwrap();
    assert_eq!((code, &row["outcome"]), (Some(1), &json!("refused")), "{row}");
    let not_one = Order {
        recipient: "age1qqqq",
        ..order
    };
    let before = files(out).len();
    let (code, _, error) = issue(demo, &not_one);
    assert_eq!((code, files(out).len()), (Some(2), before), "{error}");
}
