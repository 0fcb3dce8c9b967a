//! The JWKS cache through rotation and outage, and status lists that fail closed: what is fetched when, under a clock
//! set by the test.

use serde_json::{Value, json};
use verifier::{Algorithm, Clock, Rejection, Settings, StatusPolicy};

use crate::support::{JWKS, LIST, Scene, TestKey, list_of};

fn keys_gone() -> Rejection {
    Rejection::Unavailable("the issuer's keys")
}

fn list_gone() -> Rejection {
    Rejection::Unavailable("the status list")
}

/// An API that does not check the status, so that only keys are fetched.
fn without_status() -> Scene {
    Scene::with(|settings| Settings {
        status: StatusPolicy::Ignored,
        ..settings
    })
}

#[tokio::test]
async fn keys_are_fetched_once_in_300_seconds() {
    let scene = without_status();
    for _ in 0..5 {
        assert!(scene.verify(&scene.token()).await.is_ok());
    }
    assert_eq!(scene.world.fetches(JWKS), 1);
    scene.world.pass(299);
    assert!(scene.verify(&scene.token()).await.is_ok());
    assert_eq!(scene.world.fetches(JWKS), 1);
    scene.world.pass(1);
    assert!(scene.verify(&scene.token()).await.is_ok());
    assert_eq!(scene.world.fetches(JWKS), 2);
}

#[tokio::test]
async fn an_unknown_kid_causes_one_fetch_in_30_seconds_however_many_are_made_up() {
    let scene = without_status();
    assert!(scene.verify(&scene.token()).await.is_ok());
    for number in 0..20 {
        let forged = scene.token_under(&json!({ "kid": format!("made up {number}") }));
        assert_eq!(scene.verify(&forged).await.err(), Some(Rejection::UnknownKey));
    }
    assert_eq!(scene.world.fetches(JWKS), 2, "the first and one more");
    scene.world.pass(30);
    let forged = scene.token_under(&json!({ "kid": "made up" }));
    assert_eq!(scene.verify(&forged).await.err(), Some(Rejection::UnknownKey));
    assert_eq!(scene.world.fetches(JWKS), 3);
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_a_removed_one_forgotten() {
    let scene = without_status();
    let old = scene.token();
    assert!(scene.verify(&old).await.is_ok());
    let next = TestKey::generate(Algorithm::ES256);
    scene.publish_keys(&[&next]);
    let new = next.sign(&next.header(), &scene.claims());
    assert!(scene.verify(&new).await.is_ok(), "rotation");
    assert_eq!(
        scene.verify(&old).await.err(),
        Some(Rejection::UnknownKey),
        "a key that was withdrawn"
    );
}

#[tokio::test]
async fn keys_outlive_an_outage_of_24_hours_and_no_more() {
    let scene = without_status();
    assert!(scene.verify(&scene.token()).await.is_ok());
    scene.world.outage();
    scene.world.pass(24 * 3600 - 1);
    assert!(scene.verify(&scene.token()).await.is_ok());
    let asked = scene.world.fetches(JWKS);
    for _ in 0..5 {
        assert!(scene.verify(&scene.token()).await.is_ok());
    }
    assert_eq!(
        scene.world.fetches(JWKS),
        asked,
        "a failed fetch is not repeated for each token"
    );
    scene.world.pass(1);
    assert_eq!(scene.verify(&scene.token()).await.err(), Some(keys_gone()));
    scene.publish();
    scene.world.pass(5);
    assert!(scene.verify(&scene.token()).await.is_ok(), "and it recovers");
}

#[tokio::test]
async fn metadata_and_keys_of_somebody_else_are_not_taken() {
    let metadata = format!("{}/.well-known/openid-configuration", crate::support::URL);
    for wrong in [
        json!({ "issuer": "https://evil.example", "jwks_uri": JWKS }),
        json!({ "issuer": crate::support::URL, "jwks_uri": "https://evil.example/jwks" }),
        json!({ "issuer": crate::support::URL }),
    ] {
        let scene = without_status();
        scene.world.serve(&metadata, wrong.to_string());
        assert_eq!(
            scene.verify(&scene.token()).await.err(),
            Some(keys_gone()),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn keys_that_are_not_for_signatures_are_passed_over() {
    let scene = without_status();
    let mut key = json!(scene.es256.jwk);
    let refused = [
        ("use", json!("enc")),
        ("alg", json!("RS256")),
        ("alg", json!("HS256")),
        ("alg", Value::Null),
    ];
    for (name, value) in refused {
        let good = key[name].take();
        key[name] = value.clone();
        scene
            .world
            .serve(JWKS, json!({ "keys": [&key, &scene.rs256.jwk] }).to_string());
        let outcome = scene.verify(&scene.token()).await;
        assert_eq!(outcome.err(), Some(Rejection::UnknownKey), "{name} {value}");
        key[name] = good;
        scene.world.pass(300);
    }
    let small = json!({ "kty": "RSA", "alg": "RS256", "kid": scene.rs256.kid, "e": "AQAB", "n": "AQAB" });
    scene
        .world
        .serve(JWKS, json!({ "keys": [&key, small] }).to_string());
    scene.world.pass(300);
    let token = scene.rs256.sign(&scene.rs256.header(), &scene.claims());
    assert_eq!(
        scene.verify(&token).await.err(),
        Some(Rejection::UnknownKey),
        "a short RSA key"
    );
}

#[tokio::test]
async fn s01_deletion_ends_a_token_within_the_ttl() {
    let scene = Scene::new();
    let token = scene.token();
    assert!(scene.verify(&token).await.is_ok());
    scene.publish_list(&[7]);
    scene.world.pass(9);
    assert!(
        scene.verify(&token).await.is_ok(),
        "the list is read every ten seconds"
    );
    assert_eq!(scene.world.fetches(LIST), 1);
    scene.world.pass(1);
    assert_eq!(scene.verify(&token).await.err(), Some(Rejection::Revoked));
    let neighbour = json!({ "status": { "status_list": { "idx": 6, "uri": LIST } } });
    assert!(scene.verify(&scene.token_with(&neighbour)).await.is_ok());
    assert_eq!(scene.world.fetches(LIST), 2);
}

#[tokio::test]
async fn s01_a_list_serves_until_its_exp_and_then_fails_closed() {
    let scene = Scene::new();
    let token = scene.token();
    assert!(scene.verify(&token).await.is_ok());
    scene.world.outage();
    scene.world.pass(59);
    assert!(scene.verify(&token).await.is_ok(), "until its exp");
    scene.world.pass(1);
    assert_eq!(scene.verify(&token).await.err(), Some(list_gone()), "at its exp");
    scene.publish_list(&[]);
    scene.world.pass(1);
    assert!(scene.verify(&token).await.is_ok(), "and it recovers");
}

#[tokio::test]
async fn s01_a_list_is_believed_only_if_it_is_the_issuers_own_and_current() {
    let scene = Scene::new();
    let now = scene.world.unix_time();
    let list = json!({ "bits": 1, "lst": list_of(&[]) });
    let good = json!({ "sub": LIST, "iat": now, "exp": now + 60, "ttl": 10, "status_list": list });
    let typ = json!({ "typ": "statuslist+jwt" });
    let claims = |changes: Value| (typ.clone(), crate::support::merged(good.clone(), &changes));
    let lists = [
        (
            "typ of an access token",
            (json!({ "typ": "at+jwt" }), good.clone()),
        ),
        (
            "an unknown key",
            (json!({ "typ": "statuslist+jwt", "kid": "x" }), good.clone()),
        ),
        ("another sub", claims(json!({ "sub": format!("{LIST}1") }))),
        ("no exp", claims(json!({ "exp": null }))),
        ("expired", claims(json!({ "exp": now }))),
        ("from the future", claims(json!({ "iat": now + 100 }))),
        (
            "three bits",
            claims(json!({ "status_list": { "bits": 3, "lst": list_of(&[]) } })),
        ),
        (
            "not compressed",
            claims(json!({ "status_list": { "bits": 1, "lst": "AAAA" } })),
        ),
    ];
    for (name, (header, claims)) in lists {
        scene.publish_list_token(&header, &claims);
        assert_eq!(
            scene.verify(&scene.token()).await.err(),
            Some(list_gone()),
            "{name}"
        );
        scene.world.pass(1);
    }
    scene.publish_list(&[]);
    assert!(scene.verify(&scene.token()).await.is_ok());
}

#[tokio::test]
async fn s01_an_older_list_does_not_undo_a_newer_one() {
    let scene = Scene::new();
    let now = scene.world.unix_time();
    scene.publish_list(&[7]);
    assert_eq!(scene.verify(&scene.token()).await.err(), Some(Rejection::Revoked));
    let old = json!({
        "sub": LIST, "iat": now - 1, "exp": now + 60, "ttl": 10,
        "status_list": { "bits": 1, "lst": list_of(&[]) },
    });
    scene.publish_list_token(&json!({ "typ": "statuslist+jwt" }), &old);
    scene.world.pass(10);
    assert_eq!(scene.verify(&scene.token()).await.err(), Some(Rejection::Revoked));
}
