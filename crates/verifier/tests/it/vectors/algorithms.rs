//! The algorithm: allowed by the API, and bound to the key.

use jsonwebtoken::EncodingKey;
use serde_json::json;
use verifier::{Algorithm, Rejection, Settings};

use super::check;
use crate::support::{Scene, TestKey, encode, merged, sign};

#[tokio::test]
async fn j03_every_algorithm_of_the_server_is_accepted_where_it_is_allowed_and_nowhere_else() {
    for algorithm in [Algorithm::EdDSA, Algorithm::PS256] {
        let key = TestKey::generate(algorithm);
        let token = |scene: &Scene| key.sign(&key.header(), &scene.claims());
        let allowed = Scene::with(|settings| Settings {
            algorithms: vec![Algorithm::ES256, algorithm],
            ..settings
        });
        allowed.publish_keys(&[&allowed.es256, &key]);
        assert!(allowed.verify(&token(&allowed)).await.is_ok(), "{algorithm}");
        let tampered = token(&allowed).replacen('.', ".e30", 1);
        assert!(allowed.verify(&tampered).await.is_err(), "{algorithm}");
        let elsewhere = Scene::new();
        elsewhere.publish_keys(&[&elsewhere.es256, &key]);
        let refused = elsewhere.verify(&token(&elsewhere)).await.err();
        assert_eq!(refused, Some(Rejection::Algorithm), "{algorithm}");
    }
}

#[tokio::test]
async fn j03_the_algorithm_is_on_the_list_and_bound_to_the_key() {
    let scene = Scene::new();
    let (es, rs) = (&scene.es256, &scene.rs256);
    let claims = scene.claims().to_string();
    let none = |alg: &str| {
        let header = merged(es.header(), &json!({ "alg": alg })).to_string();
        format!("{}.{}.", encode(header), encode(&claims))
    };
    let hmac = |key: &TestKey, secret: &[u8]| {
        let header = merged(key.header(), &json!({ "alg": "HS256" })).to_string();
        sign(
            &header,
            &claims,
            &EncodingKey::from_secret(secret),
            jsonwebtoken::Algorithm::HS256,
        )
    };
    let published = json!(rs.jwk);
    let modulus = published["n"].as_str().unwrap().as_bytes();
    let whole = published.to_string();
    let named = |key: &TestKey, alg: &str| {
        key.sign_text(&merged(key.header(), &json!({ "alg": alg })).to_string(), &claims)
    };
    let other_kid = rs.sign(&merged(rs.header(), &json!({ "kid": es.kid })), &scene.claims());
    let vectors = vec![
        ("alg none", none("none"), Rejection::Algorithm),
        ("alg None", none("None"), Rejection::Algorithm),
        ("alg nOnE", none("nOnE"), Rejection::Algorithm),
        ("no signature", none("ES256"), Rejection::Signature),
        ("HS256 with the modulus", hmac(rs, modulus), Rejection::Algorithm),
        (
            "HS256 with the public JWK",
            hmac(rs, whole.as_bytes()),
            Rejection::Algorithm,
        ),
        ("HS256 with an empty key", hmac(es, b""), Rejection::Algorithm),
        ("RS512", named(rs, "RS512"), Rejection::Algorithm),
        ("PS256", named(rs, "PS256"), Rejection::Algorithm),
        ("ES384", named(es, "ES384"), Rejection::Algorithm),
        ("lower case", named(es, "es256"), Rejection::Algorithm),
        (
            "no alg",
            scene.token_under(&json!({ "alg": null })),
            Rejection::Algorithm,
        ),
        (
            "alg is a list",
            scene.token_under(&json!({ "alg": ["ES256"] })),
            Rejection::Algorithm,
        ),
        (
            "RS256 under the kid of the ES256 key",
            other_kid,
            Rejection::Algorithm,
        ),
        ("ES256 renamed RS256", named(es, "RS256"), Rejection::Algorithm),
    ];
    check(&scene, vectors).await;
}

#[tokio::test]
async fn j03_an_algorithm_that_the_api_did_not_choose_is_refused() {
    let scene = Scene::with(|settings| Settings {
        algorithms: vec![Algorithm::ES256],
        ..settings
    });
    let token = scene.rs256.sign(&scene.rs256.header(), &scene.claims());
    check(&scene, vec![("RS256", token, Rejection::Algorithm)]).await;
}
