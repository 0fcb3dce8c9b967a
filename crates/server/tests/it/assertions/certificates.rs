//! Client certificates on the tenant routes, as Microsoft's libraries use them with Entra.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use crate::support::{
    Answer, Demo,
    assertions::{Signer, body, name, now, sign, with},
    people::Person,
};

on_both! {
    k01_a_certificate_gets_tokens_on_both_tenant_routes
    k03_a_certificate_is_for_ps256_on_the_standard_route
    what_is_wrong_has_entras_code
}

/// The thumbprints of the demo's certificate.
fn thumbprints(demo: &Demo, signer: &Signer) -> [String; 2] {
    let auditor = Person::of(demo, "auditor", 0).sign_in(demo);
    let keys = auditor.get(&format!("/applications/{}/keys", signer.id)).json();
    ["x5t", "x5t_s256"].map(|name| keys["items"][0][name].as_str().unwrap().to_owned())
}

/// As MSAL for Python writes it: `x5t` with RS256, `x5t#S256` with PS256, both padded.
fn header(algorithm: Algorithm, [sha1, sha256]: &[String; 2]) -> Value {
    match algorithm {
        Algorithm::RS256 => json!({ "alg": "RS256", "typ": "JWT", "x5t": format!("{sha1}=") }),
        other => {
            json!({ "alg": name(other), "typ": "JWT", "x5t#S256": format!("{sha256}="), "x5c": ["ignored"] })
        }
    }
}

fn claims(signer: &Signer, audience: &str) -> Value {
    with(
        signer.claims(audience),
        json!({ "exp": now() + 600, "iat": now() }),
    )
}

fn assertion(signer: &Signer, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
    sign(&signer.key, algorithm, &header.to_string(), &claims.to_string())
}

/// The route's parameter that names the resource.
fn target(path: &str, signer: &Signer) -> String {
    let resource = &signer.resource;
    match path.contains("v2.0") {
        true => format!("&client_id={}&scope={resource}/.default", signer.id),
        false => format!("&client_id={}&resource={resource}", signer.id),
    }
}

fn payload(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn k01_a_certificate_gets_tokens_on_both_tenant_routes(demo: &Demo) {
    let signer = Signer::certified(demo);
    let thumbprints = thumbprints(demo, &signer);
    for (path, claim) in [(demo.v1(), "appidacr"), (demo.v2(), "azpacr")] {
        for algorithm in [Algorithm::RS256, Algorithm::PS256] {
            for audience in [
                demo.url(&path),
                demo.url(&path).replace(&demo.tenant, &demo.tenant.to_uppercase()),
            ] {
                let header = header(algorithm, &thumbprints);
                let assertion = assertion(&signer, algorithm, &header, &claims(&signer, &audience));
                let answer = Answer::of(demo.post(&path, body(&assertion, &target(&path, &signer))));
                assert_eq!(answer.status, 200, "{path} {algorithm:?}: {}", answer.text);
                let token = answer.json()["access_token"].as_str().unwrap().to_owned();
                assert_eq!(payload(&token)[claim], "2");
            }
        }
    }
}

fn k03_a_certificate_is_for_ps256_on_the_standard_route(demo: &Demo) {
    let signer = Signer::certified(demo);
    let thumbprints = thumbprints(demo, &signer);
    let rest = format!("&resource={}", signer.resource);
    for (algorithm, status) in [(Algorithm::PS256, 200), (Algorithm::RS256, 401)] {
        let header = header(algorithm, &thumbprints);
        let assertion = assertion(&signer, algorithm, &header, &signer.claims(&demo.base));
        let answer = Answer::of(demo.token(body(&assertion, &rest)));
        assert_eq!(answer.status, status, "{algorithm:?}: {}", answer.text);
    }
}

fn what_is_wrong_has_entras_code(demo: &Demo) {
    let signer = Signer::certified(demo);
    let thumbprints = thumbprints(demo, &signer);
    let path = demo.v2();
    let (good, at) = (header(Algorithm::PS256, &thumbprints), now());
    let rows = [
        (
            "an unknown thumbprint",
            json!({ "x5t#S256": "AAAA" }),
            json!({}),
            700_027,
        ),
        (
            "two thumbprints that differ",
            json!({ "x5t": "AAAA" }),
            json!({}),
            700_027,
        ),
        (
            "a thumbprint that is no text",
            json!({ "x5t#S256": 1 }),
            json!({}),
            700_027,
        ),
        ("another algorithm", json!({ "alg": "ES256" }), json!({}), 700_027),
        (
            "an algorithm that nobody takes",
            json!({ "alg": "HS256" }),
            json!({}),
            50_013,
        ),
        (
            "an algorithm of none",
            json!({ "alg": "none" }),
            json!({}),
            50_013,
        ),
        ("a critical header", json!({ "crit": ["x"] }), json!({}), 50_013),
        (
            "past",
            json!({}),
            json!({ "exp": at - 10, "nbf": at - 600 }),
            700_024,
        ),
        (
            "not yet",
            json!({}),
            json!({ "nbf": at + 120, "exp": at + 700 }),
            700_024,
        ),
        ("an hour", json!({}), json!({ "exp": at + 3600 }), 700_024),
        ("the issuer", json!({}), json!({ "aud": demo.base }), 700_023),
        (
            "the other route",
            json!({}),
            json!({ "aud": demo.url(&demo.v1()) }),
            700_023,
        ),
        (
            "another tenant",
            json!({}),
            json!({ "aud": demo.url("/common/oauth2/v2.0/token") }),
            700_023,
        ),
        ("a list", json!({}), json!({ "aud": [demo.url(&path)] }), 700_023),
        (
            "Entra itself",
            json!({}),
            json!({ "aud": format!("https://login.microsoftonline.com{path}") }),
            700_023,
        ),
        ("no id", json!({}), json!({ "jti": null }), 50_013),
        ("no end", json!({}), json!({ "exp": null }), 50_013),
        ("an end as text", json!({}), json!({ "exp": "1" }), 50_013),
        (
            "another subject",
            json!({}),
            json!({ "sub": demo.search.id }),
            50_013,
        ),
    ];
    for (row, header, changes, code) in rows {
        let claims = with(claims(&signer, &demo.url(&path)), changes);
        let assertion = assertion(&signer, Algorithm::PS256, &with(good.clone(), header), &claims);
        let answer = Answer::of(demo.post(&path, body(&assertion, &target(&path, &signer))));
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (401, "invalid_client"),
            "{row}: {}",
            answer.text
        );
        assert_eq!(
            answer.json()["error_codes"],
            json!([code]),
            "{row}: {}",
            answer.text
        );
    }
    // Signed with RS256 under a header that says PS256.
    let claims = claims(&signer, &demo.url(&path));
    let confused = assertion(&signer, Algorithm::RS256, &good, &claims);
    let answer = Answer::of(demo.post(&path, body(&confused, &target(&path, &signer))));
    assert_eq!(answer.json()["error_codes"], json!([700_027]));
    // An empty assertion counts as a missing secret, as before.
    let nothing = format!("{}{}", crate::support::GRANT, target(&path, &signer));
    assert_eq!(
        Answer::of(demo.post(&path, nothing)).json()["error_codes"],
        json!([7_000_216])
    );
}
