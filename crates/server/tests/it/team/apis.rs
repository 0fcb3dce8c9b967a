//! Resources and resource servers.

use serde_json::{Value, json};

use super::text;
use crate::support::{Answer, Demo, people::Person};

on_both!(
    a_resource_changes_how_its_tokens_are_made,
    a_resource_server_lives_and_dies,
);

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
