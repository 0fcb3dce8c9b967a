//! Claims: subject, issuer, audience and times.

use serde_json::{Value, json};
use verifier::Rejection;

use super::check;
use crate::support::{AUDIENCE, CLIENT, START, Scene, TENANT, URL};

/// RFC 9068 §5: a person's `sub` must not pass for a client's by chance.
#[tokio::test]
async fn j02_a_token_of_anybody_but_an_application_is_refused() {
    let scene = Scene::new();
    let with = |changes: Value| scene.token_with(&changes);
    let person = "5f1c2b8e-0000-4000-8000-000000000001";
    let vectors = vec![
        (
            "a person's, by the application",
            with(json!({ "sub": person })),
            Rejection::Claims,
        ),
        (
            "another client's",
            with(json!({ "client_id": person })),
            Rejection::Claims,
        ),
        ("nobody's", with(json!({ "client_id": null })), Rejection::Claims),
        ("two clients'", with(json!({ "azp": person })), Rejection::Claims),
        (
            "a person's, on an Entra route",
            with(json!({ "client_id": null, "appid": CLIENT, "sub": person })),
            Rejection::Claims,
        ),
        (
            "sub is a list",
            with(json!({ "sub": [CLIENT] })),
            Rejection::Claims,
        ),
    ];
    check(&scene, vectors).await;
    let entra = with(json!({ "client_id": null, "azp": CLIENT }));
    assert!(
        scene.verify(&entra).await.is_ok(),
        "each route has its own name for it"
    );
}

#[tokio::test]
async fn j05_typ_and_iss_are_a_pair() {
    let scene = Scene::new();
    let typ = |typ: Value| scene.token_under(&json!({ "typ": typ }));
    let iss = |iss: Value| scene.token_with(&json!({ "iss": iss }));
    let vectors = vec![
        ("JWT at the standard issuer", typ(json!("JWT")), Rejection::Type),
        ("no typ", typ(Value::Null), Rejection::Type),
        ("a status list", typ(json!("statuslist+jwt")), Rejection::Type),
        ("an ID token", typ(json!("id_token+jwt")), Rejection::Type),
        ("typ is a list", typ(json!(["at+jwt"])), Rejection::Type),
        (
            "at+jwt at an Entra issuer",
            iss(json!(format!("{URL}/{TENANT}/v2.0"))),
            Rejection::Type,
        ),
        ("iss is a list", iss(json!([URL])), Rejection::Claims),
        (
            "iss is a list with a foreign one",
            iss(json!([URL, "https://evil.example"])),
            Rejection::Claims,
        ),
        ("no iss", iss(Value::Null), Rejection::Claims),
        ("foreign", iss(json!("https://evil.example")), Rejection::Issuer),
        ("a slash more", iss(json!(format!("{URL}/"))), Rejection::Issuer),
        (
            "another case",
            iss(json!("https://AUTH.example.org")),
            Rejection::Issuer,
        ),
        ("a prefix", iss(json!("https://auth.example")), Rejection::Issuer),
        ("empty", iss(json!("")), Rejection::Issuer),
    ];
    check(&scene, vectors).await;
}

#[tokio::test]
async fn j05_aud_is_exactly_one_of_the_api() {
    let scene = Scene::new();
    let aud = |aud: Value| scene.token_with(&json!({ "aud": aud }));
    let vectors = vec![
        (
            "another API",
            aud(json!("fd05059b-9c9e-443c-a7e7-bc4ddfe29f5c")),
            Rejection::Audience,
        ),
        (
            "upper case",
            aud(json!(AUDIENCE.to_uppercase())),
            Rejection::Audience,
        ),
        ("a prefix", aud(json!(&AUDIENCE[..8])), Rejection::Audience),
        (
            "a suffix",
            aud(json!(format!("{AUDIENCE} "))),
            Rejection::Audience,
        ),
        ("empty", aud(json!("")), Rejection::Audience),
        ("a list with it", aud(json!([AUDIENCE])), Rejection::Claims),
        (
            "a list with it and another",
            aud(json!(["x", AUDIENCE])),
            Rejection::Claims,
        ),
        ("an empty list", aud(json!([])), Rejection::Claims),
        ("none", aud(Value::Null), Rejection::Claims),
    ];
    check(&scene, vectors).await;
}

#[tokio::test]
async fn j05_times_are_there_and_right_within_the_skew() {
    let scene = Scene::new();
    let at = |name: &str, offset: i64| scene.token_with(&json!({ name: START + offset }));
    let is = |name: &str, value: Value| scene.token_with(&json!({ name: value }));
    let vectors = vec![
        ("expired", at("exp", -61), Rejection::Expired),
        (
            "expired at the end of the skew",
            at("exp", -60),
            Rejection::Expired,
        ),
        ("long expired", at("exp", -START), Rejection::Expired),
        ("no exp", is("exp", Value::Null), Rejection::Claims),
        ("exp is text", is("exp", json!("4102444800")), Rejection::Claims),
        ("exp is too large", is("exp", json!(1e300)), Rejection::Claims),
        ("nbf in the future", at("nbf", 61), Rejection::NotYetValid),
        ("no nbf", is("nbf", Value::Null), Rejection::Claims),
        ("iat in the future", at("iat", 61), Rejection::NotYetValid),
        ("no iat", is("iat", Value::Null), Rejection::Claims),
        ("no sub", is("sub", Value::Null), Rejection::Claims),
        ("no jti", is("jti", Value::Null), Rejection::Claims),
        (
            "roles is text",
            is("roles", json!("Search.Read")),
            Rejection::Claims,
        ),
    ];
    check(&scene, vectors).await;
    for within in [
        at("exp", -59),
        at("nbf", 60),
        at("iat", 60),
        is("exp", json!(i64::MAX)),
    ] {
        assert!(scene.verify(&within).await.is_ok());
    }
}
