//! Registration of keys: what is accepted, what is rejected, and that a DELETE takes effect.

use serde_json::{Value, json};

use crate::support::{
    Answer, Demo,
    assertions::{Signer, ask, with},
    eventually,
    people::{Person, Session},
};

on_both! {
    c01_a_key_lives_like_a_secret
    a_private_key_is_refused_and_called_burnt
    k03_keys_that_are_not_fit_are_refused_with_the_reason
    certificates_bring_their_end
    a_key_that_ends_soon_needs_attention_as_a_key
}

on_both_with! {
    [("WMDA_AUTH__SECRETS__MIN_LIFETIME_MINUTES", "0")],
    an_expired_key_that_is_still_tried_is_told_with_its_origin
}

/// RFC 7517 appendix A.1, RFC 8037 appendix A.2.
const X: &str = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4";
const Y: &str = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";
const ED25519: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const PUBLIC_PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";

/// The manager of the demo's clients that have keys.
fn manager(demo: &Demo) -> Session {
    Person::of(demo, "credential_manager", 2).sign_in(demo)
}

fn keys(signer: &Signer) -> String {
    format!("/applications/{}/keys", signer.id)
}

fn c01_a_key_lives_like_a_secret(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let manager = manager(demo);
    let path = keys(&signer);
    let made = manager.post(&path, &json!({ "name": "laboratory", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": ED25519, "kid": "mine" } }));
    assert_eq!(made.status, 201, "{}", made.text);
    let view = made.json();
    let place = format!("{path}/{}", view["id"].as_str().unwrap());
    assert_eq!(made.header("location"), format!("/api/v1{place}"));
    assert_eq!(
        [
            &view["kid"],
            &view["alg"],
            &view["thumbprint_s256"],
            &view["hint"],
            &view["status"]
        ],
        [
            "mine",
            "EdDSA",
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "kPr",
            "active"
        ]
    );
    assert!(view["x5t"].is_null() && view["last_used_at"].is_null());
    assert_eq!(manager.get(&place).json(), view);
    // The same key, and another one with the same `kid`.
    let again = json!({ "name": "again", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": ED25519 } });
    assert_eq!(manager.post(&path, &again).status, 409);
    let same_kid =
        json!({ "name": "again", "jwk": { "kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "mine" } });
    assert_eq!(manager.post(&path, &same_kid).status, 409);
    // A key is not found among the secrets, nor a secret among the keys.
    let secrets = format!("/applications/{}/secrets", signer.id);
    let id = view["id"].as_str().unwrap();
    assert_eq!(manager.get(&format!("{secrets}/{id}")).status, 404);
    assert_eq!(manager.delete(&format!("{secrets}/{id}")).status, 404);
    assert_eq!(manager.get(&place).status, 200);
    // A DELETE invalidates a working key and its tokens.
    let sample = manager.get(&format!("{path}?search=demo")).json()["items"][0]["id"].clone();
    let token = Answer::of(ask(demo, &signer, &signer.assertion(&demo.base))).json()["access_token"].clone();
    assert_eq!(
        manager
            .delete(&format!("{path}/{}", sample.as_str().unwrap()))
            .status,
        204
    );
    let answer = Answer::of(ask(demo, &signer, &signer.assertion(&demo.base)));
    assert_eq!(answer.status, 401, "at once");
    let server = demo.resource_server(&signer.resource);
    let asked = demo.post("/oauth2/introspect", format!("token={}", token.as_str().unwrap()));
    let answer = Answer::of(asked.basic_auth(&server.id, Some(&server.secret)));
    assert_eq!(answer.json(), json!({ "active": false }), "S-01");
    assert_eq!(
        manager
            .delete(&format!("{path}/{}", sample.as_str().unwrap()))
            .status,
        404
    );
    let history = manager.get(&format!("/applications/{}/history", signer.id)).text;
    assert!(
        history.contains("key.create") && history.contains("key.delete"),
        "{history}"
    );
}

fn a_private_key_is_refused_and_called_burnt(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let manager = manager(demo);
    let jwk = demo.summary["key_clients"][0]["jwk"].clone();
    let name = demo.summary["key_clients"][0]["name"].as_str().unwrap();
    let pem = std::fs::read_to_string(demo.data_dir().join(format!("client-keys/{name}.pem"))).unwrap();
    for body in [
        json!({ "name": "oops", "jwk": jwk }),
        json!({ "name": "oops", "certificate": pem }),
        json!({ "name": "oops", "private_key": pem }),
        json!({ "name": pem }),
    ] {
        let answer = manager.post(&keys(&signer), &body);
        assert_eq!(answer.status, 400);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("burnt"), "{detail}");
        assert!(!answer.text.contains(jwk["d"].as_str().unwrap()));
    }
    assert!(!demo.log().contains(jwk["d"].as_str().unwrap()));
}

fn k03_keys_that_are_not_fit_are_refused_with_the_reason(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let manager = manager(demo);
    let ec = |x: &str, y: &str| json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let rsa = |n: usize, e: &str| {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(vec![0xFF; n]), "e": e })
    };
    let jwk = |jwk: Value| json!({ "name": "unfit", "jwk": jwk });
    let pem = |text: &str| json!({ "name": "unfit", "certificate": text });
    let rows = [
        (jwk(ec(X, X)), "point"),
        (jwk(ec("AA", Y)), "point"),
        (
            jwk(json!({ "kty": "EC", "crv": "P-384", "x": X, "y": Y })),
            "P-256",
        ),
        (
            jwk(json!({ "kty": "EC", "crv": "secp256k1", "x": X, "y": Y })),
            "P-256",
        ),
        (
            jwk(json!({ "kty": "OKP", "crv": "X25519", "x": ED25519 })),
            "Ed25519",
        ),
        (jwk(json!({ "kty": "oct", "k": "AAAA" })), "burnt"),
        (jwk(rsa(128, "AQAB")), "2048"),
        (jwk(rsa(513, "AQAB")), "4096"),
        (jwk(rsa(1024, "AQAB")), "4096"),
        (jwk(rsa(256, "Aw")), "65537"),
        (jwk(rsa(256, "AQ")), "65537"),
        (jwk(rsa(256, "AQAAAAE")), "65537"),
        (
            jwk(json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y, "use": "enc" })),
            "use",
        ),
        (
            jwk(json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y, "alg": "HS256" })),
            "alg",
        ),
        (
            jwk(json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "" })),
            "kid",
        ),
        (
            jwk(json!({ "kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": "x".repeat(121) })),
            "kid",
        ),
        (jwk(json!({})), "malformed"),
        (jwk(json!({ "keys": [] })), "malformed"),
        (pem(""), "PEM"),
        (pem("MIIB"), "PEM"),
        (
            pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "malformed",
        ),
        (
            pem("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"),
            "malformed",
        ),
        (
            pem("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"),
            "PEM",
        ),
        (pem(&format!("{PUBLIC_PEM}{PUBLIC_PEM}")), "one"),
        (json!({ "name": "unfit" }), "either"),
        (
            json!({ "name": "unfit", "jwk": ec(X, Y), "certificate": PUBLIC_PEM }),
            "either",
        ),
        (json!({ "name": "unfit", "jwk": "text" }), "jwk"),
        (
            json!({ "name": "unfit", "jwk": ec(X, Y), "expires_at": "2099-01-01" }),
            "too far",
        ),
        (
            json!({ "name": "unfit", "jwk": ec(X, Y), "expires_at": "2001-01-01" }),
            "future",
        ),
        (json!({ "name": "", "jwk": ec(X, Y) }), "name"),
    ];
    for (body, word) in rows {
        let answer = manager.post(&keys(&signer), &body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(word), "{body}: {detail}");
    }
    let repeated = format!(
        r#"{{"name":"unfit","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{ED25519}","x":"{ED25519}"}}}}"#
    );
    let request = manager
        .request("POST", &keys(&signer))
        .header("content-type", "application/json");
    assert_eq!(
        Answer::of(request.body(repeated)).status,
        400,
        "a repeated member"
    );
    let public = json!({ "name": "a public key", "certificate": PUBLIC_PEM });
    let made = manager.post(&keys(&signer), &public);
    assert_eq!(
        (made.status, made.json()["alg"].as_str()),
        (201, Some("EdDSA")),
        "{}",
        made.text
    );
}

fn certificates_bring_their_end(demo: &Demo) {
    let manager = manager(demo);
    let signer = Signer::of(demo, "standard", "PS256");
    let file = demo.summary["certificate_clients"][0]["certificate_file"]
        .as_str()
        .unwrap();
    let pem = std::fs::read_to_string(file).unwrap();
    let made = manager.post(
        &keys(&signer),
        &json!({ "name": "by certificate", "certificate": pem }),
    );
    assert_eq!(made.status, 201, "{}", made.text);
    let view = made.json();
    assert_eq!(view["alg"], "PS256");
    assert_eq!(view["x5t"].as_str().unwrap().len(), 27);
    assert_eq!(view["x5t_s256"].as_str().unwrap().len(), 43);
    // The demo's certificates expire within a year.
    let end = view["expires_at"].as_str().unwrap();
    assert!(end.ends_with("T00:00:00Z"), "{end}");
}

fn a_key_that_ends_soon_needs_attention_as_a_key(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let soon = (chrono::Utc::now() + chrono::TimeDelta::days(3)).to_rfc3339();
    let key = json!({ "name": "laboratory", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": ED25519 }, "expires_at": soon });
    let made = manager(demo).post(&keys(&signer), &key);
    assert_eq!(made.status, 201, "{}", made.text);
    let attention = Person::of(demo, "admin", 0)
        .sign_in(demo)
        .get("/attention")
        .json();
    let kind_of = |id: &Value| {
        let mut items = attention["items"].as_array().unwrap().iter();
        let item = items.find(|item| item["secret_id"] == *id).unwrap();
        (item["credential_kind"].clone(), item["can_get_grace"].clone())
    };
    assert_eq!(kind_of(&made.json()["id"]), ("key".into(), false.into()));
    let mut items = attention["items"].as_array().unwrap().iter();
    assert!(
        items.any(|item| item["credential_kind"] == "secret"),
        "the sample that ends in 20 days"
    );
}

fn an_expired_key_that_is_still_tried_is_told_with_its_origin(demo: &Demo) {
    // The second client has the first one's key, for some seconds.
    let first = Signer::of(demo, "standard", "ES256");
    let second = Signer::of(demo, "standard", "PS256");
    let members = ["kty", "crv", "x", "y", "kid"];
    let jwk: Value = members
        .map(|name| (name, demo.summary["key_clients"][0]["jwk"][name].clone()))
        .into_iter()
        .collect();
    let soon = (chrono::Utc::now() + chrono::TimeDelta::seconds(7)).to_rfc3339();
    let manager = manager(demo);
    let new = json!({ "name": "soon over", "jwk": jwk, "expires_at": soon });
    let made = manager.post(&keys(&second), &new);
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["id"].clone();
    // Neither request has a `client_id`: the assertion names the client.
    let asked = || {
        let own = json!({ "iss": second.id, "sub": second.id });
        let claims = with(first.claims(&demo.base), own);
        let request = ask(demo, &second, &first.sign(&first.header(), &claims));
        Answer::of(request.header("user-agent", "search-job/1.2"))
    };
    assert_eq!(asked().status, 200);
    eventually(|| asked().status == 401);
    let view = || {
        manager
            .get(&format!("{}/{}", keys(&second), id.as_str().unwrap()))
            .json()
    };
    eventually(|| view()["tried_after_expiry_at"].is_string());
    let admin = Person::of(demo, "admin", 0).sign_in(demo);
    let attention = admin.get("/attention").json();
    let item = attention["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| (&item["kind"], &item["secret_id"]) == (&json!("secret_expired_yet_tried"), &id));
    for told in [&view(), item.unwrap()] {
        assert_eq!(told["tried_after_expiry_from"], "127.0.0.1");
        assert_eq!(told["tried_after_expiry_with"], "search-job/1.2");
    }
    let refusals = manager
        .get(&format!("/applications/{}/refusals", second.id))
        .json();
    let mut refusals = refusals["items"].as_array().unwrap().iter();
    assert!(refusals.any(|one| one["code"] == "key_expired" && one["credential_id"] == id));
}
