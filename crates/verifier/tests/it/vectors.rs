//! Adversarial tokens: each line is one that a careless validator has accepted somewhere (RFC 8725, RFC 9068 §4).

use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use verifier::{Algorithm, Issuer, Rejection, Settings, SettingsError, StatusPolicy};

use crate::support::{AUDIENCE, CLIENT, LIST, Scene, TENANT, TestKey, URL, encode, merged, sign};

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

/// RFC 9068 §5: whose `sub` it is must not be a matter of luck.
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
    let at = |name: &str, offset: i64| scene.token_with(&json!({ name: crate::support::START + offset }));
    let is = |name: &str, value: Value| scene.token_with(&json!({ name: value }));
    let vectors = vec![
        ("expired", at("exp", -61), Rejection::Expired),
        (
            "expired at the end of the skew",
            at("exp", -60),
            Rejection::Expired,
        ),
        (
            "long expired",
            at("exp", -crate::support::START),
            Rejection::Expired,
        ),
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

#[test]
fn settings_that_accept_too_much_are_refused() {
    let good = Settings {
        issuers: vec![Issuer::standard(URL)],
        audiences: vec![AUDIENCE.to_owned()],
        algorithms: vec![Algorithm::ES256],
        skew_seconds: 60,
        status: StatusPolicy::Required,
    };
    let scene = Scene::new();
    let made = |settings: Settings| {
        let made = verifier::Verifier::new(settings, scene.world.clone(), scene.world.clone());
        made.err()
    };
    assert_eq!(made(good.clone()), None);
    let without = |change: fn(&mut Settings)| {
        let mut settings = good.clone();
        change(&mut settings);
        made(settings)
    };
    assert_eq!(
        without(|settings| settings.audiences.clear()),
        Some(SettingsError::Empty)
    );
    assert_eq!(
        without(|settings| settings.algorithms.clear()),
        Some(SettingsError::Empty)
    );
    assert_eq!(
        without(|settings| settings.issuers.clear()),
        Some(SettingsError::Empty)
    );
    assert_eq!(
        without(|settings| settings.skew_seconds = 61),
        Some(SettingsError::Skew)
    );
    assert_eq!(
        without(|settings| settings.issuers = vec![Issuer::standard("http://auth.example.org")]),
        Some(SettingsError::InsecureIssuer)
    );
}
