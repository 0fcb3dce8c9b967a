//! Spoofed names.

use serde_json::json;

use super::{in_days, text};
use crate::support::{Answer, Demo, people::Person};

on_both!(names_that_deceive_are_refused_everywhere,);

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
