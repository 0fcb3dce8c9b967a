//! Malformed and modified tokens, and one with another token's status.

use serde_json::{Value, json};
use verifier::{Rejection, Settings, StatusPolicy};

use super::check;
use crate::support::{LIST, Scene, encode, merged};

#[tokio::test]
async fn a_token_that_was_changed_is_refused() {
    let scene = Scene::new();
    let good = scene.token();
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        unreachable!("a JWS has three parts")
    };
    let more = merged(
        scene.claims(),
        &json!({ "roles": ["Search.Read", "Search.Write"] }),
    );
    let other = scene.token_with(&json!({ "jti": "2" }));
    let vectors = vec![
        (
            "more roles",
            format!("{header}.{}.{signature}", encode(more.to_string())),
            Rejection::Signature,
        ),
        (
            "another's signature",
            format!("{header}.{payload}.{}", &other[other.len() - 86..]),
            Rejection::Signature,
        ),
        (
            "a signature of zeros",
            format!("{header}.{payload}.{}", encode([0; 64])),
            Rejection::Signature,
        ),
        (
            "half a signature",
            format!("{header}.{payload}.{}", &signature[..43]),
            Rejection::Signature,
        ),
        (
            "padding",
            format!("{header}=.{payload}.{signature}"),
            Rejection::Malformed,
        ),
        ("spaces", format!(" {good}"), Rejection::Malformed),
        ("two parts", format!("{header}.{payload}"), Rejection::Malformed),
        ("four parts", format!("{good}.x"), Rejection::Malformed),
        ("nothing", String::new(), Rejection::Malformed),
        ("dots", "..".to_owned(), Rejection::Malformed),
        ("not ASCII", "é.é.é".to_owned(), Rejection::Malformed),
        (
            "a list as payload",
            scene.es256.sign_text(&scene.es256.header().to_string(), "[]"),
            Rejection::Malformed,
        ),
        (
            "too long",
            scene.token_with(&json!({ "x": "a".repeat(16 * 1024) })),
            Rejection::TooLong,
        ),
    ];
    check(&scene, vectors).await;
}

#[tokio::test]
async fn s01_the_status_that_a_token_names_must_be_the_issuers() {
    let scene = Scene::new();
    let at = |idx: Value, uri: &str| {
        scene.token_with(&json!({ "status": { "status_list": { "idx": idx, "uri": uri } } }))
    };
    let unavailable = Rejection::Unavailable("the status list");
    let vectors = vec![
        (
            "no status",
            scene.token_with(&json!({ "status": null })),
            Rejection::Claims,
        ),
        (
            "another kind of status",
            scene.token_with(&json!({ "status": { "x": 1 } })),
            Rejection::Claims,
        ),
        ("a negative index", at(json!(-1), LIST), Rejection::Claims),
        (
            "an index beyond the end",
            at(json!(1024), LIST),
            Rejection::Revoked,
        ),
        (
            "another origin",
            at(json!(7), "https://evil.example/list"),
            Rejection::Claims,
        ),
        ("an absent list", at(json!(7), &format!("{LIST}1")), unavailable),
    ];
    check(&scene, vectors).await;
    let lenient = Scene::with(|settings| Settings {
        status: StatusPolicy::Ignored,
        ..settings
    });
    assert!(
        lenient
            .verify(&lenient.token_with(&json!({ "status": null })))
            .await
            .is_ok()
    );
}
