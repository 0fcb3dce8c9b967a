//! Valid assertions are accepted.

use serde_json::json;

use crate::support::{
    Answer, Demo,
    assertions::{Signer, ask, body, now, with},
};

on_both! {
    k01_every_algorithm_gets_a_token
    k01_the_metadata_says_how
    k04_clocks_that_are_a_little_ahead_are_accepted
    v01_a_token_is_revoked_by_an_assertion
    a_key_that_was_used_is_shown_with_its_last_use
}

fn k01_every_algorithm_gets_a_token(demo: &Demo) {
    for (profile, algorithm) in [("standard", "ES256"), ("standard", "PS256"), ("fapi2", "PS256")] {
        let signer = Signer::of(demo, profile, algorithm);
        if profile == "fapi2" {
            // Its tokens are sender-constrained: without a DPoP proof none is issued, whatever is tested here.
            continue;
        }
        for _ in 0..3 {
            let answer = Answer::of(ask(demo, &signer, &signer.assertion(&demo.base)));
            assert_eq!(answer.status, 200, "{algorithm}: {}", answer.text);
            assert!(answer.json().get("client_secret_expires_at").is_none());
        }
        for typ in ["client-authentication+jwt", "JWT", "jwt"] {
            let header = with(signer.header(), json!({ "typ": typ }));
            let assertion = signer.sign(&header, &signer.claims(&demo.base));
            assert_eq!(Answer::of(ask(demo, &signer, &assertion)).status, 200, "{typ}");
        }
        // Without `typ` and `kid`, and with an additional `client_id`.
        let header = with(signer.header(), json!({ "typ": null, "kid": null }));
        let assertion = signer.sign(&header, &signer.claims(&demo.base));
        let rest = format!("&resource={}&client_id={}", signer.resource, signer.id);
        let answer = Answer::of(demo.token(body(&assertion, &rest)));
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

fn k01_the_metadata_says_how(demo: &Demo) {
    let metadata = demo.get("/.well-known/oauth-authorization-server").json();
    let methods = metadata["token_endpoint_auth_methods_supported"]
        .as_array()
        .unwrap();
    assert!(methods.contains(&json!("private_key_jwt")));
    assert_eq!(
        metadata["token_endpoint_auth_signing_alg_values_supported"],
        json!(["ES256", "PS256", "EdDSA"])
    );
    assert!(
        metadata["introspection_endpoint_auth_methods_supported"]
            .as_array()
            .unwrap()
            .iter()
            .all(|method| method != "private_key_jwt")
    );
}

fn k04_clocks_that_are_a_little_ahead_are_accepted(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    for ahead in [1, 8, 10] {
        let changes = json!({ "iat": now() + ahead, "nbf": now() + ahead, "exp": now() + ahead + 60 });
        let claims = with(signer.claims(&demo.base), changes);
        let answer = Answer::of(ask(demo, &signer, &signer.sign(&signer.header(), &claims)));
        assert_eq!(answer.status, 200, "{ahead} s ahead: {}", answer.text);
    }
    // A NumericDate may have a fraction (RFC 7519 §2).
    let claims = with(signer.claims(&demo.base), json!({ "exp": now() as f64 + 59.5 }));
    let answer = Answer::of(ask(demo, &signer, &signer.sign(&signer.header(), &claims)));
    assert_eq!(answer.status, 200, "{}", answer.text);
}

fn v01_a_token_is_revoked_by_an_assertion(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let answer = Answer::of(ask(demo, &signer, &signer.assertion(&demo.base)));
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let server = demo.resource_server(&signer.resource);
    let active = || {
        let asked = demo.post("/oauth2/introspect", format!("token={token}"));
        Answer::of(asked.basic_auth(&server.id, Some(&server.secret))).json()["active"] == json!(true)
    };
    assert!(active());
    let form = body(&signer.assertion(&demo.base), &format!("&token={token}"));
    assert_eq!(Answer::of(demo.post("/oauth2/revoke", form)).status, 200);
    assert!(!active());
}

fn a_key_that_was_used_is_shown_with_its_last_use(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    assert_eq!(
        Answer::of(ask(demo, &signer, &signer.assertion(&demo.base))).status,
        200
    );
    let auditor = crate::support::people::Person::of(demo, "auditor", 0).sign_in(demo);
    let path = format!("/applications/{}/keys", signer.id);
    crate::support::eventually(|| !auditor.get(&path).json()["items"][0]["last_used_at"].is_null());
    let key = &auditor.get(&path).json()["items"][0];
    assert_eq!(key["kid"], json!(signer.kid));
    assert_eq!(key["thumbprint_s256"], json!(signer.kid));
    assert_eq!(key["alg"], "ES256");
    assert_eq!(key["status"], "active");
    let secrets = auditor
        .get(&format!("/applications/{}/secrets", signer.id))
        .json();
    assert_eq!(secrets["items"], json!([]), "a key is no secret");
    // The log says which credential it was.
    crate::support::eventually(|| demo.log().contains("key_id="));
}
