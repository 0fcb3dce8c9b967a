//! Invalid proofs, and valid ones that look unusual.

use chrono::Utc;
use keystore::Algorithm;
use serde_json::{Value, json};

use super::{ask, ask_at};
use crate::support::{
    Answer, Demo,
    proofs::{Draft, ProofKey, encoded},
};

type Spoil = fn(&mut Draft<'_>);

fn remove(object: &mut Value, name: &str) {
    object.as_object_mut().unwrap().remove(name);
}

/// Proofs with a wrong header or claim and a valid signature.
const SPOILT: &[(&str, Spoil)] = &[
    ("no typ", |draft| remove(&mut draft.header, "typ")),
    ("another typ", |draft| draft.header["typ"] = json!("JWT")),
    ("a typ in capitals", |draft| {
        draft.header["typ"] = json!("DPOP+JWT")
    }),
    ("no alg", |draft| remove(&mut draft.header, "alg")),
    ("alg none", |draft| draft.header["alg"] = json!("none")),
    ("a symmetric alg", |draft| draft.header["alg"] = json!("HS256")),
    ("an alg that FAPI forbids", |draft| {
        draft.header["alg"] = json!("RS256")
    }),
    ("another key's alg", |draft| draft.header["alg"] = json!("EdDSA")),
    ("alg as a list", |draft| draft.header["alg"] = json!(["ES256"])),
    ("no jwk", |draft| remove(&mut draft.header, "jwk")),
    ("jwk as text", |draft| {
        draft.header["jwk"] = json!(draft.header["jwk"].to_string())
    }),
    ("a private key", |draft| draft.header["jwk"]["d"] = json!("AA")),
    ("a private member of another kind", |draft| {
        draft.header["jwk"]["p"] = json!("AA")
    }),
    ("a symmetric key", |draft| {
        draft.header["jwk"] = json!({ "kty": "oct", "k": "AAAA" })
    }),
    ("another key", |draft| {
        draft.header["jwk"] = ProofKey::new(Algorithm::ES256).jwk
    }),
    ("another curve", |draft| {
        draft.header["jwk"]["crv"] = json!("P-384")
    }),
    ("a point off the curve", |draft| {
        draft.header["jwk"]["x"] = draft.header["jwk"]["y"].clone()
    }),
    ("a short coordinate", |draft| {
        draft.header["jwk"]["x"] = json!("AA")
    }),
    ("a coordinate with padding", |draft| {
        draft.header["jwk"]["x"] = json!(format!("{}=", draft.header["jwk"]["x"].as_str().unwrap()));
    }),
    ("a key for encryption", |draft| {
        draft.header["jwk"]["use"] = json!("enc")
    }),
    ("a key for another alg", |draft| {
        draft.header["jwk"]["alg"] = json!("ES384")
    }),
    ("a critical header", |draft| draft.header["crit"] = json!(["exp"])),
    ("an unencoded payload", |draft| draft.header["b64"] = json!(false)),
    ("no jti", |draft| remove(&mut draft.claims, "jti")),
    ("an empty jti", |draft| draft.claims["jti"] = json!("")),
    ("a long jti", |draft| draft.claims["jti"] = json!("a".repeat(257))),
    ("jti as a number", |draft| draft.claims["jti"] = json!(1)),
    ("no htm", |draft| remove(&mut draft.claims, "htm")),
    ("another htm", |draft| draft.claims["htm"] = json!("GET")),
    ("htm in small letters", |draft| {
        draft.claims["htm"] = json!("post")
    }),
    ("no htu", |draft| remove(&mut draft.claims, "htu")),
    ("another path", |draft| append(&mut draft.claims["htu"], "/more")),
    ("a slash more", |draft| append(&mut draft.claims["htu"], "/")),
    ("another host", |draft| {
        draft.claims["htu"] = json!("https://evil.example/oauth2/token")
    }),
    ("a path alone", |draft| {
        draft.claims["htu"] = json!("/oauth2/token")
    }),
    ("htu as a list", |draft| {
        draft.claims["htu"] = json!([draft.claims["htu"]])
    }),
    ("no iat", |draft| remove(&mut draft.claims, "iat")),
    ("iat as text", |draft| {
        draft.claims["iat"] = json!(draft.claims["iat"].to_string())
    }),
    ("an old iat", |draft| {
        draft.claims["iat"] = json!(Utc::now().timestamp() - 65)
    }),
    ("an iat of last year", |draft| {
        draft.claims["iat"] = json!(Utc::now().timestamp() - 31_536_000)
    }),
    ("an iat in 13 seconds", |draft| {
        draft.claims["iat"] = json!(Utc::now().timestamp() + 13)
    }),
    ("an iat in a minute", |draft| {
        draft.claims["iat"] = json!(Utc::now().timestamp() + 65)
    }),
    ("an iat beyond all time", |draft| {
        draft.claims["iat"] = json!(1e300)
    }),
    ("a negative iat", |draft| draft.claims["iat"] = json!(-1)),
    ("an exp that has passed", |draft| {
        draft.claims["exp"] = json!(Utc::now().timestamp() - 1)
    }),
    ("an nbf to come", |draft| {
        draft.claims["nbf"] = json!(Utc::now().timestamp() + 120)
    }),
    ("claims as a list", |draft| draft.claims = json!([draft.claims])),
];

fn append(text: &mut Value, more: &str) {
    *text = json!(format!("{}{more}", text.as_str().unwrap()));
}

/// Proofs that are malformed or wrongly signed.
fn broken(draft: &Draft<'_>, other: &ProofKey) -> Vec<(&'static str, Vec<String>)> {
    let good = draft.signed();
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("{good}");
    };
    let (head, body) = (draft.header.to_string(), draft.claims.to_string());
    let twice = |text: &str, name: &str, value: &str| format!("{{\"{name}\":{value},{}", &text[1..]);
    let huge = json!({ "jti": "a".repeat(9_000), "htm": "POST", "htu": draft.claims["htu"], "iat": draft.claims["iat"] });
    let one = |text: String| vec![text];
    vec![
        (
            "two headers",
            vec![draft.key.proof("POST", "https://a/"), good.clone()],
        ),
        ("the same header twice", vec![good.clone(), good.clone()]),
        ("two in one header", one(format!("{good}, {good}"))),
        ("nothing", one(String::new())),
        ("no JWT", one("proof".to_owned())),
        ("two parts", one(format!("{header}.{payload}"))),
        ("five parts", one(format!("{good}.AA.AA"))),
        ("no signature", one(format!("{header}.{payload}."))),
        (
            "alg none without signature",
            one(format!(
                "{}.{payload}.",
                encoded(&json!({ "typ": "dpop+jwt", "alg": "none", "jwk": draft.header["jwk"] }))
            )),
        ),
        ("another key's signature", one(other.signed(header, payload))),
        (
            "a signature cut short",
            one(format!("{header}.{payload}.{}", &signature[..40])),
        ),
        (
            "a signature of zeros",
            one(format!("{header}.{payload}.{}", "A".repeat(86))),
        ),
        (
            "another payload",
            one(format!(
                "{header}.{}.{signature}",
                encoded(&json!({ "jti": "x" }))
            )),
        ),
        ("padding", one(format!("{header}=.{payload}.{signature}"))),
        (
            "base64 of another alphabet",
            one(draft.key.signed(header, &format!("{payload}+/"))),
        ),
        (
            "claims that repeat a key",
            one(draft.signed_as(&head, &twice(&body, "htm", "\"GET\""))),
        ),
        (
            "a header that repeats a key",
            one(draft.signed_as(&twice(&head, "alg", "\"none\""), &body)),
        ),
        ("claims that are no JSON", one(draft.signed_as(&head, "jti"))),
        ("a header that is no object", one(draft.signed_as("[]", &body))),
        ("9 KB", one(draft.key.signed(header, &encoded(&huge)))),
    ]
}

/// RFC 9449 §4.3, point by point, and what RFC 8725 says of JWTs.
#[test]
fn d01_every_bad_proof_is_refused_and_tells_what_is_wrong() {
    let demo = Demo::sqlite();
    let url = demo.url("/oauth2/token");
    let (key, other) = (ProofKey::new(Algorithm::ES256), ProofKey::new(Algorithm::ES256));
    let spoilt = SPOILT.iter().map(|(name, spoil)| {
        let mut draft = key.draft("POST", &url);
        spoil(&mut draft);
        (*name, vec![draft.signed()])
    });
    let broken = broken(&key.draft("POST", &url), &other);
    let cases: Vec<_> = spoilt.chain(broken).collect();
    for (name, proofs) in &cases {
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        let answer = ask_at(&demo, "/oauth2/token", &proofs);
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (400, "invalid_dpop_proof"),
            "{name}: {}",
            answer.text
        );
        assert_eq!(answer.header("cache-control"), "no-store", "{name}");
        let told = answer.json()["error_description"].as_str().unwrap().to_owned();
        assert!(told.contains("DPoP"), "{name}: {told}");
    }
    println!("{} bad proofs refused", cases.len());
    assert!(cases.len() > 60);
    assert_eq!(
        ask(&demo, &key.proof("POST", &url)).status,
        200,
        "a good one is still accepted"
    );
    assert!(
        !demo.log().contains(&key.thumbprint),
        "nothing of a proof is logged"
    );
}

/// Valid although it looks unusual: RFC 9449 §4.3 point 9, FAPI 2.0 §5.3.2.1.
#[test]
fn d01_a_proof_may_write_the_address_otherwise_and_come_from_a_clock_that_is_off() {
    let demo = Demo::sqlite();
    let url = demo.url("/oauth2/token");
    let key = ProofKey::new(Algorithm::ES256);
    let good: [(&str, Spoil); 9] = [
        ("a query and a fragment", |draft| {
            append(&mut draft.claims["htu"], "?a=b#c")
        }),
        ("capitals", |draft| {
            let url = draft.claims["htu"].as_str().unwrap().replace("http", "HTTP");
            draft.claims["htu"] = json!(url);
        }),
        ("percent-encoding and dots", |draft| {
            let url = draft.claims["htu"]
                .as_str()
                .unwrap()
                .replace("/oauth2/token", "/x/../oauth2/%74oken");
            draft.claims["htu"] = json!(url);
        }),
        ("10 s ahead", |draft| {
            draft.claims["iat"] = json!(Utc::now().timestamp() + 10)
        }),
        ("10 s behind", |draft| {
            draft.claims["iat"] = json!(Utc::now().timestamp() - 10)
        }),
        ("a fraction", |draft| {
            draft.claims["iat"] = json!(Utc::now().timestamp() as f64 + 0.5)
        }),
        ("nbf and exp", |draft| {
            draft.claims["nbf"] = draft.claims["iat"].clone();
            draft.claims["exp"] = json!(Utc::now().timestamp() + 300);
        }),
        ("what nobody knows", |draft| {
            (draft.header["more"], draft.claims["more"]) = (json!({ "a": 1 }), json!([1]));
        }),
        ("what the key is for", |draft| {
            draft.header["jwk"]["use"] = json!("sig");
            draft.header["jwk"]["alg"] = json!("ES256");
            draft.header["jwk"]["kid"] = json!("mine");
        }),
    ];
    for (name, change) in good {
        let mut draft = key.draft("POST", &url);
        change(&mut draft);
        let answer = ask(&demo, &draft.signed());
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
    }
    // The public URL counts, whatever the Host header says.
    let request = demo.token(demo.upload.body()).header("host", "evil.example");
    assert_eq!(
        Answer::of(request.header("DPoP", key.proof("POST", &url))).status,
        200
    );
    let evil = key.proof("POST", "http://evil.example/oauth2/token");
    let request = demo.token(demo.upload.body()).header("host", "evil.example");
    assert_eq!(
        Answer::of(request.header("DPoP", evil)).error(),
        "invalid_dpop_proof"
    );
    // An unauthenticated client learns nothing about proofs.
    let nobody = demo.token(demo.upload.body().replace("client_secret=", "client_secret=x"));
    assert_eq!(
        Answer::of(nobody.header("DPoP", "proof")).error(),
        "invalid_client"
    );
}
