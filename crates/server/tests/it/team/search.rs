//! Search, and the report of all secrets.

use serde_json::json;

use super::{admin, in_days, shell, text};
use crate::support::{
    Answer, Demo,
    people::{Person, Session},
    succeeded,
};

on_both!(
    people_and_things_are_found_by_what_is_known_of_them,
    all_secrets_are_reported_as_json_and_csv,
);

/// The ids in a list.
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
    let kinds = ids(&auditor.get("/reports/secrets?limit=200"), "credential_kind");
    for kind in ["secret", "key", "federated"] {
        assert!(kinds.iter().any(|one| one == kind), "{kind}: {kinds:?}");
    }
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
