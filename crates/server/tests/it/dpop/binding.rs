//! DPoP-bound tokens, and applications that get no others.

use keystore::Algorithm;
use serde_json::{Value, json};

use super::ask_at;
use crate::support::{
    Answer, Demo,
    assertions::{self, Signer},
    http,
    people::Person,
    proofs::ProofKey,
};

on_both! {
    d01_a_proof_of_each_algorithm_binds_the_token_on_every_route
    d01_an_application_may_be_given_bound_tokens_only
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

fn introspected(demo: &Demo, token: &str) -> Value {
    let server = demo.resource_server(&demo.upload.resources[0]);
    let request = demo.post("/oauth2/introspect", format!("token={token}"));
    Answer::of(request.basic_auth(&server.id, Some(&server.secret))).json()
}

fn d01_a_proof_of_each_algorithm_binds_the_token_on_every_route(demo: &Demo) {
    for algorithm in [Algorithm::ES256, Algorithm::PS256, Algorithm::EdDSA] {
        let key = ProofKey::new(algorithm);
        for path in ["/oauth2/token".to_owned(), demo.v1(), demo.v2()] {
            let answer = ask_at(demo, &path, &[&key.proof("POST", &demo.url(&path))]);
            assert_eq!(answer.status, 200, "{algorithm} {path}: {}", answer.text);
            assert_eq!(answer.json()["token_type"], "DPoP");
            let token = answer.json()["access_token"].as_str().unwrap().to_owned();
            assert_eq!(claims(&token)["cnf"], json!({ "jkt": key.thumbprint }));
            let told = introspected(demo, &token);
            assert_eq!(told["token_type"], "DPoP", "{told}");
            assert_eq!(told["cnf"], json!({ "jkt": key.thumbprint }));
        }
    }
    let bearer = Answer::of(demo.token(demo.upload.body())).json();
    assert_eq!(bearer["token_type"], "Bearer");
    let token = bearer["access_token"].as_str().unwrap();
    assert!(claims(token).get("cnf").is_none());
    let told = introspected(demo, token);
    assert_eq!((&told["token_type"], told.get("cnf")), (&json!("Bearer"), None));
    let metadata = demo.get("/.well-known/oauth-authorization-server").json();
    assert_eq!(
        metadata["dpop_signing_alg_values_supported"],
        json!(["ES256", "PS256", "EdDSA"])
    );
}

fn d01_an_application_may_be_given_bound_tokens_only(demo: &Demo) {
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let path = format!("/applications/{}", demo.upload.id);
    assert_eq!(admin.get(&path).json()["dpop_bound_access_tokens"], false);
    let changed = admin.patch(&path, &json!({ "dpop_bound_access_tokens": true }));
    assert_eq!(
        changed.json()["dpop_bound_access_tokens"],
        true,
        "{}",
        changed.text
    );
    let key = ProofKey::new(Algorithm::EdDSA);
    for at in ["/oauth2/token".to_owned(), demo.v1(), demo.v2()] {
        let bearer = ask_at(demo, &at, &[]);
        assert_eq!(
            (bearer.status, bearer.error().as_str()),
            (400, "invalid_dpop_proof"),
            "{at}"
        );
        assert_eq!(
            ask_at(demo, &at, &[&key.proof("POST", &demo.url(&at))]).status,
            200
        );
    }
    assert_eq!(
        admin
            .patch(&path, &json!({ "dpop_bound_access_tokens": false }))
            .status,
        200
    );
    assert_eq!(ask_at(demo, "/oauth2/token", &[]).status, 200);
    let events = admin.get("/audit-events").text;
    assert!(events.contains("application.require_dpop") && events.contains("application.allow_bearer"));
}

/// FAPI 2.0 §5.3.2.1: what the conformance suite's client does, from the assertion to the API, at the one endpoint
/// that conforms.
#[test]
fn d03_an_application_of_the_profile_fapi2_gets_bound_tokens_only_and_calls_the_api() {
    let demo = Demo::sqlite();
    for (assertion, proof) in [("ES256", Algorithm::ES256), ("PS256", Algorithm::PS256)] {
        let signer = Signer::of(&demo, "fapi2", assertion);
        let key = ProofKey::new(proof);
        let request = || assertions::ask(&demo, &signer, &signer.assertion(&demo.base));
        let refused = Answer::of(request());
        assert_eq!(
            (refused.status, refused.error().as_str()),
            (400, "invalid_dpop_proof"),
            "{}",
            refused.text
        );
        let proof = key.proof("POST", &demo.url("/oauth2/token"));
        let answer = Answer::of(request().header("DPoP", proof));
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["token_type"], "DPoP");
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        let url = demo.summary["api_url"].as_str().unwrap();
        let call = http().get(url).header("authorization", format!("DPoP {token}"));
        let answer = Answer::of(call.header("DPoP", key.proof_with(&token, url)));
        assert_eq!(answer.status, 200, "{}", answer.header("www-authenticate"));
        assert_eq!(answer.json()["client_id"], *signer.id);
        assert_eq!(Answer::of(http().get(url).bearer_auth(&token)).status, 401);
    }
}
