//! Each role on each route.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{
    Answer, Demo,
    people::{Person, Session},
};

on_both!(each_role_on_each_route,);

/// Admin, auditor, the application's manager, another organisation's manager, nobody.
const MATRIX: &[(&str, &str, [u16; 5])] = &[
    ("POST", "/session", [400, 400, 400, 400, 400]),
    ("GET", "/session", [200, 200, 200, 200, 401]),
    ("DELETE", "/session", [204, 204, 204, 204, 401]),
    ("GET", "/session/options", [200, 200, 200, 200, 200]),
    // No provider is configured.
    ("GET", "/session/openid", [404, 404, 404, 404, 404]),
    ("GET", "/session/openid/callback", [404, 404, 404, 404, 404]),
    ("GET", "/session/preferences", [200, 200, 200, 200, 401]),
    ("PATCH", "/session/preferences", [400, 400, 400, 400, 401]),
    ("GET", "/unsubscribe/{token}", [404, 404, 404, 404, 404]),
    ("POST", "/unsubscribe/{token}", [404, 404, 404, 404, 404]),
    ("GET", "/organisations/{id}/webhooks", [404, 404, 403, 403, 401]),
    ("POST", "/organisations/{id}/webhooks", [400, 403, 403, 403, 401]),
    (
        "DELETE",
        "/organisations/{id}/webhooks/{webhook_id}",
        [404, 403, 403, 403, 401],
    ),
    ("POST", "/enrolment", [400, 400, 400, 400, 400]),
    ("POST", "/enrolment/lookup", [400, 400, 400, 400, 400]),
    ("POST", "/enrolment/confirm", [400, 400, 400, 400, 400]),
    ("GET", "/applications", [200, 200, 200, 200, 401]),
    ("POST", "/applications", [400, 403, 403, 403, 401]),
    ("GET", "/applications/{client_id}", [200, 200, 200, 404, 401]),
    ("PATCH", "/applications/{client_id}", [400, 403, 400, 404, 401]),
    (
        "GET",
        "/applications/{client_id}/networks",
        [200, 200, 200, 404, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/secrets",
        [200, 200, 200, 404, 401],
    ),
    (
        "POST",
        "/applications/{client_id}/secrets",
        [403, 403, 400, 404, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/secrets/{secret_id}",
        [200, 200, 200, 404, 401],
    ),
    (
        "PATCH",
        "/applications/{client_id}/keys/{key_id}",
        [400, 403, 400, 404, 401],
    ),
    (
        "PATCH",
        "/applications/{client_id}/federated-credentials/{id}",
        [400, 403, 400, 404, 401],
    ),
    (
        "PATCH",
        "/applications/{client_id}/secrets/{secret_id}",
        [400, 403, 400, 404, 401],
    ),
    (
        "POST",
        "/applications/{client_id}/secrets/{secret_id}/grace",
        [400, 403, 403, 403, 401],
    ),
    ("GET", "/organisations/{id}/policy", [404, 404, 404, 404, 401]),
    ("PATCH", "/organisations/{id}/policy", [400, 403, 403, 403, 401]),
    (
        "DELETE",
        "/applications/{client_id}/secrets/{secret_id}",
        [204, 403, 404, 404, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/federated-credentials",
        [200, 200, 200, 404, 401],
    ),
    (
        "POST",
        "/applications/{client_id}/federated-credentials",
        [403, 403, 400, 404, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/federated-credentials/{id}",
        [404, 404, 404, 404, 401],
    ),
    (
        "DELETE",
        "/applications/{client_id}/federated-credentials/{id}",
        [404, 403, 404, 404, 401],
    ),
    ("GET", "/applications/{client_id}/keys", [200, 200, 200, 404, 401]),
    (
        "POST",
        "/applications/{client_id}/keys",
        [403, 403, 400, 404, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/keys/{key_id}",
        [404, 404, 404, 404, 401],
    ),
    (
        "DELETE",
        "/applications/{client_id}/keys/{key_id}",
        [404, 403, 404, 404, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/permissions",
        [200, 200, 200, 404, 401],
    ),
    (
        "POST",
        "/applications/{client_id}/permissions",
        [400, 403, 403, 403, 401],
    ),
    (
        "DELETE",
        "/applications/{client_id}/permissions/{resource_id}",
        [204, 403, 403, 403, 401],
    ),
    (
        "GET",
        "/applications/{client_id}/managers",
        [200, 200, 200, 404, 401],
    ),
    (
        "POST",
        "/applications/{client_id}/managers",
        [400, 403, 403, 403, 401],
    ),
    (
        "DELETE",
        "/applications/{client_id}/managers/{user_id}",
        [404, 403, 403, 403, 401],
    ),
    ("GET", "/attention", [200, 200, 403, 403, 401]),
    ("GET", "/organisations", [200, 200, 403, 403, 401]),
    ("POST", "/organisations", [400, 403, 403, 403, 401]),
    ("GET", "/organisations/{id}", [404, 404, 403, 403, 401]),
    ("PATCH", "/organisations/{id}", [400, 403, 403, 403, 401]),
    ("GET", "/resources", [200, 200, 403, 403, 401]),
    ("POST", "/resources", [400, 403, 403, 403, 401]),
    ("GET", "/resources/{id}", [404, 404, 403, 403, 401]),
    ("PATCH", "/resources/{id}", [400, 403, 403, 403, 401]),
    ("GET", "/resource-servers", [200, 200, 403, 403, 401]),
    ("POST", "/resource-servers", [400, 403, 403, 403, 401]),
    // An application's credentials are no resource server's.
    (
        "POST",
        "/resource-servers/{client_id}/secret",
        [404, 403, 403, 403, 401],
    ),
    (
        "DELETE",
        "/resource-servers/{client_id}",
        [404, 403, 403, 403, 401],
    ),
    ("DELETE", "/users/{id}/identity", [404, 403, 403, 403, 401]),
    ("GET", "/users", [200, 200, 403, 403, 401]),
    ("POST", "/users", [400, 403, 403, 403, 401]),
    ("GET", "/users/{id}", [404, 404, 403, 403, 401]),
    ("PATCH", "/users/{id}", [400, 403, 403, 403, 401]),
    ("POST", "/users/{id}/enrolment", [404, 403, 403, 403, 401]),
    ("GET", "/audit-events", [200, 200, 403, 403, 401]),
    ("GET", "/refusals", [200, 200, 403, 403, 401]),
    (
        "GET",
        "/applications/{client_id}/refusals",
        [200, 200, 200, 404, 401],
    ),
    ("GET", "/account", [200, 200, 200, 200, 401]),
    ("PATCH", "/account", [400, 400, 400, 400, 401]),
    ("POST", "/account/password", [400, 400, 400, 400, 401]),
    ("POST", "/account/authenticator", [400, 400, 400, 400, 401]),
    (
        "POST",
        "/account/authenticator/confirm",
        [400, 400, 400, 400, 401],
    ),
    ("POST", "/account/recovery-codes", [400, 400, 400, 400, 401]),
    // No provider is configured.
    ("POST", "/account/identity", [404, 404, 404, 404, 401]),
    ("GET", "/account/sessions", [200, 200, 200, 200, 401]),
    ("DELETE", "/account/sessions", [204, 204, 204, 204, 401]),
    ("DELETE", "/account/sessions/{id}", [404, 404, 404, 404, 401]),
    (
        "GET",
        "/applications/{client_id}/history",
        [200, 200, 200, 404, 401],
    ),
    ("GET", "/reports/secrets", [200, 200, 403, 403, 401]),
    ("POST", "/attention/snooze", [400, 403, 403, 403, 401]),
    ("GET", "/openapi.json", [200, 200, 200, 200, 200]),
];

fn each_role_on_each_route(demo: &Demo) {
    let people = [
        Person::of(demo, "admin", 0).sign_in(demo),
        Person::of(demo, "auditor", 0).sign_in(demo),
        Person::of(demo, "credential_manager", 0).sign_in(demo),
        Person::of(demo, "credential_manager", 1).sign_in(demo),
        Session::new(demo, ""),
    ];
    let document = people[4].get("/openapi.json").json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let documented: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item
                .as_object()
                .unwrap()
                .keys()
                .map(|method| method.to_uppercase());
            methods
                .map(|method| (method, path.strip_prefix("/api/v1").unwrap().to_owned()))
                .collect::<Vec<_>>()
        })
        .collect();
    let named = MATRIX
        .iter()
        .map(|row| (row.0.to_owned(), row.1.to_owned()))
        .collect();
    assert_eq!(
        documented, named,
        "the matrix names each route, and each route exists"
    );
    let absent = "00000000-0000-4000-8000-000000000000";
    // Z-01: a foreign object and an absent one get identical answers, for callers who may not see it.
    let other = &people[3];
    for path in ["", "/secrets", "/keys", "/managers", "/permissions"] {
        let of = |id: &str| other.get(&format!("/applications/{id}{path}"));
        assert_eq!(of(&demo.search.id).text, of(absent).text);
        assert_eq!(of(absent).text, of("no-guid").text);
    }
    let put = Answer::of(other.request("PUT", "/applications"));
    assert_eq!((put.status, put.header("allow")), (405, "GET, POST"));
    assert_eq!(other.get("/nothing").status, 404);
    // Operations that end a session or delete an object come last.
    let (last, first): (Vec<_>, Vec<_>) = MATRIX
        .iter()
        .partition(|row| row.0 == "DELETE" && row.1 == "/session");
    for (method, template, expected) in first.into_iter().chain(last) {
        let path = template
            .replace("{client_id}", &demo.search.id)
            .replace(
                "{secret_id}",
                demo.summary["clients"][0]["secret_id"].as_str().unwrap(),
            )
            .replace("{resource_id}", &demo.search.resources[0])
            .replace("{key_id}", absent)
            .replace("{user_id}", absent)
            .replace("{webhook_id}", absent)
            .replace("{id}", absent);
        for (person, expected) in people.iter().zip(expected) {
            let mut request = person.request(method, &path);
            if matches!(method, "POST" | "PATCH") {
                request = request.json(&json!({ "unknown": 1 }));
            }
            let answer = Answer::of(request);
            assert_eq!(answer.status, expected, "{method} {template}: {}", answer.text);
            assert!(!answer.header("x-request-id").is_empty());
            if answer.status >= 400 {
                assert_eq!(answer.header("content-type"), "application/problem+json");
            }
        }
    }
}
