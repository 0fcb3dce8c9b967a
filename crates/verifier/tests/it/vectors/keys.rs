//! The key, and header members that must be ignored.

use serde_json::{Value, json};
use verifier::{Algorithm, Rejection};

use super::check;
use crate::support::{Scene, TestKey, encode, merged};

#[tokio::test]
async fn j04_only_the_issuers_keys_count() {
    let scene = Scene::new();
    let forged = TestKey::generate(Algorithm::ES256);
    let under = |header: Value| forged.sign(&merged(forged.header(), &header), &scene.claims());
    let kid = &scene.es256.kid;
    let jwks = "https://evil.example/jwks";
    scene
        .world
        .serve(jwks, json!({ "keys": [&forged.jwk] }).to_string());
    let vectors = vec![
        ("its own key's kid", under(json!({})), Rejection::UnknownKey),
        ("jwk", under(json!({ "jwk": &forged.jwk })), Rejection::UnknownKey),
        (
            "jwk under a known kid",
            under(json!({ "jwk": &forged.jwk, "kid": kid })),
            Rejection::Signature,
        ),
        ("jku", under(json!({ "jku": jwks })), Rejection::UnknownKey),
        (
            "jku under a known kid",
            under(json!({ "jku": jwks, "kid": kid })),
            Rejection::Signature,
        ),
        (
            "x5u",
            under(json!({ "x5u": jwks, "kid": kid })),
            Rejection::Signature,
        ),
        (
            "x5c",
            under(json!({ "x5c": ["MIIB"], "kid": kid })),
            Rejection::Signature,
        ),
        (
            "no kid",
            scene.token_under(&json!({ "kid": null })),
            Rejection::UnknownKey,
        ),
        (
            "kid is a number",
            scene.token_under(&json!({ "kid": 1 })),
            Rejection::UnknownKey,
        ),
        (
            "kid is a path",
            under(json!({ "kid": "../../dev/null" })),
            Rejection::UnknownKey,
        ),
    ];
    check(&scene, vectors).await;
    assert_eq!(
        scene.world.fetches(jwks),
        0,
        "nothing is fetched because a token says so"
    );
    let ignored =
        scene.token_under(&json!({ "jku": jwks, "jwk": &forged.jwk, "x5c": ["MIIB"], "x5u": jwks }));
    assert!(scene.verify(&ignored).await.is_ok(), "ignored, not believed");
}

#[tokio::test]
async fn j04_crit_jwe_and_repeated_keys_are_refused() {
    let scene = Scene::new();
    let es = &scene.es256;
    let (header, claims) = (es.header().to_string(), scene.claims().to_string());
    let with = |text: &str, more: &str| format!("{{{more},{}", &text[1..]);
    let five = format!("{}.a.b.c.d", encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#));
    let vectors = vec![
        (
            "crit",
            scene.token_under(&json!({ "crit": ["exp"] })),
            Rejection::Critical,
        ),
        (
            "empty crit",
            scene.token_under(&json!({ "crit": [] })),
            Rejection::Critical,
        ),
        (
            "b64",
            scene.token_under(&json!({ "b64": false })),
            Rejection::Critical,
        ),
        ("JWE", five, Rejection::Malformed),
        (
            "enc",
            scene.token_under(&json!({ "enc": "A256GCM" })),
            Rejection::Malformed,
        ),
        (
            "alg twice",
            es.sign_text(&with(&header, r#""alg":"none""#), &claims),
            Rejection::DuplicateKey,
        ),
        (
            "kid twice",
            es.sign_text(&with(&header, r#""kid":"x""#), &claims),
            Rejection::DuplicateKey,
        ),
        (
            "aud twice",
            es.sign_text(&header, &with(&claims, r#""aud":"x""#)),
            Rejection::DuplicateKey,
        ),
        (
            "sub twice, escaped",
            es.sign_text(&header, &with(&claims, r#""s\u0075b":"x""#)),
            Rejection::DuplicateKey,
        ),
        (
            "deep down",
            es.sign_text(&header, &with(&claims, r#""x":{"y":1,"y":2}"#)),
            Rejection::DuplicateKey,
        ),
    ];
    check(&scene, vectors).await;
}
