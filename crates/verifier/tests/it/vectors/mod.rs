//! Adversarial tokens: each line is one that a careless validator has accepted somewhere (RFC 8725, RFC 9068 §4).

mod algorithms;
mod claims;
mod form;
mod keys;
mod settings;

use serde_json::json;
use verifier::Rejection;

use crate::support::{AUDIENCE, CLIENT, Scene, TENANT, URL, merged};

type Vectors = Vec<(&'static str, String, Rejection)>;

async fn check(scene: &Scene, vectors: Vectors) {
    assert!(scene.verify(&scene.token()).await.is_ok(), "the good token");
    for (name, token, expected) in vectors {
        assert_eq!(scene.verify(&token).await.err(), Some(expected), "{name}");
    }
}

#[tokio::test]
async fn j01_a_good_token_of_each_route_and_algorithm_passes() {
    let scene = Scene::new();
    let token = scene.verify(&scene.token()).await.unwrap();
    assert_eq!(
        (token.client_id(), token.audience(), token.issuer()),
        (CLIENT, AUDIENCE, URL)
    );
    assert_eq!((token.tenant_id(), token.token_id()), (Some(TENANT), "1"));
    assert_eq!(token.require_role("Search.Read"), Ok(()));
    assert_eq!(token.require_role("Search.Write"), Err(Rejection::MissingRole));
    assert_eq!(token.require_role("search.read"), Err(Rejection::MissingRole));
    for issuer in [format!("{URL}/{TENANT}/"), format!("{URL}/{TENANT}/v2.0")] {
        let claims = merged(scene.claims(), &json!({ "iss": issuer }));
        for key in [&scene.es256, &scene.rs256] {
            let token = key.sign(&merged(key.header(), &json!({ "typ": "JWT" })), &claims);
            assert_eq!(scene.verify(&token).await.unwrap().issuer(), issuer);
        }
    }
    let long = scene.token_under(&json!({ "typ": "application/at+jwt" }));
    assert!(scene.verify(&long).await.is_ok(), "RFC 7515 section 4.1.9");
}
