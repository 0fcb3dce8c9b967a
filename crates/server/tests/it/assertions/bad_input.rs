//! A table of invalid assertions. Each row changes one thing in a valid assertion.

use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::support::{
    Answer, Demo, GRANT,
    assertions::{JWT_BEARER, Signer, ask, body, fresh, now, sign, with},
    eventually,
};

on_both! {
    k05_wrong_headers_are_refused
    k05_wrong_claims_are_refused
    k05_wrong_signatures_are_refused
    k05_wrong_requests_are_refused
    l02_no_assertion_is_in_the_log
}

/// One text for everybody who has not proved possession.
const NOTHING_PROVED: &str = "Client authentication failed";

/// Expects 401 `invalid_client`, on this route.
#[track_caller]
fn refused(demo: &Demo, signer: &Signer, assertion: &str, row: &str) -> String {
    let answer = Answer::of(ask(demo, signer, assertion));
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (401, "invalid_client"),
        "{row}: {}",
        answer.text
    );
    answer.json()["error_description"].as_str().unwrap().to_owned()
}

fn k05_wrong_headers_are_refused(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let other = Signer::of(demo, "standard", "PS256");
    for (row, changes) in [
        ("no algorithm", json!({ "alg": null })),
        ("none", json!({ "alg": "none" })),
        ("HMAC with the public key", json!({ "alg": "HS256" })),
        ("another family", json!({ "alg": "RS256" })),
        ("another family", json!({ "alg": "PS256" })),
        ("another family", json!({ "alg": "EdDSA" })),
        ("a longer curve", json!({ "alg": "ES384" })),
        ("in lower case", json!({ "alg": "es256" })),
        ("a list", json!({ "alg": ["ES256"] })),
        ("a critical header", json!({ "crit": ["exp"] })),
        ("an empty list of critical headers", json!({ "crit": [] })),
        ("an unencoded payload", json!({ "b64": false, "crit": ["b64"] })),
        ("an encrypted JWT", json!({ "enc": "A128GCM" })),
        ("an access token", json!({ "typ": "at+jwt" })),
        ("a proof of possession", json!({ "typ": "dpop+jwt" })),
        ("a name that is no text", json!({ "kid": 7 })),
        ("somebody else's key", json!({ "kid": other.kid })),
        ("a path for a name", json!({ "kid": "../../../../dev/null" })),
        ("a query for a name", json!({ "kid": "' OR 1=1 --" })),
        (
            "a name that goes on",
            json!({ "kid": format!("{}\u{0}", signer.kid) }),
        ),
        ("an empty name", json!({ "kid": "" })),
    ] {
        let header = with(signer.header(), changes);
        refused(
            demo,
            &signer,
            &signer.sign(&header, &signer.claims(&demo.base)),
            row,
        );
    }
    let repeated = format!(r#"{{"alg":"ES256","kid":"{0}","kid":"{0}"}}"#, signer.kid);
    let claims = signer.claims(&demo.base).to_string();
    refused(
        demo,
        &signer,
        &signer.sign_text(&repeated, &claims),
        "a repeated member",
    );
    for header in ["", "null", "[]", "{", "\u{feff}{}"] {
        refused(demo, &signer, &signer.sign_text(header, &claims), header);
    }
}

fn k05_wrong_claims_are_refused(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let stranger = "11111111-2222-4333-8444-555555555555";
    let endpoint = demo.url("/oauth2/token");
    let (base, at) = (demo.base.clone(), now());
    for (row, changes) in [
        ("no issuer", json!({ "iss": null })),
        ("no subject", json!({ "sub": null })),
        ("no audience", json!({ "aud": null })),
        ("no end", json!({ "exp": null })),
        ("no id", json!({ "jti": null })),
        ("an empty id", json!({ "jti": "" })),
        ("an id that is a number", json!({ "jti": 1 })),
        ("somebody else's word", json!({ "iss": stranger })),
        ("about somebody else", json!({ "sub": stranger })),
        (
            "somebody else altogether",
            json!({ "iss": stranger, "sub": stranger }),
        ),
        ("an issuer in a list", json!({ "iss": [signer.id] })),
        ("a list of one audience", json!({ "aud": [base] })),
        (
            "a list with another audience",
            json!({ "aud": [base, "https://other.example"] }),
        ),
        ("an empty list", json!({ "aud": [] })),
        ("the token endpoint", json!({ "aud": endpoint })),
        (
            "a tenant's token endpoint",
            json!({ "aud": demo.url(&demo.v2()) }),
        ),
        ("a slash too many", json!({ "aud": format!("{base}/") })),
        ("another host", json!({ "aud": "https://auth.wmda.info.example" })),
        ("the issuer in upper case", json!({ "aud": base.to_uppercase() })),
        ("past", json!({ "exp": at - 1, "iat": at - 60, "nbf": at - 60 })),
        ("long past", json!({ "exp": 1 })),
        ("before 1970", json!({ "exp": -1 })),
        ("ten minutes ahead", json!({ "exp": at + 600 })),
        ("a day ahead", json!({ "exp": at + 86_400 })),
        ("beyond all years", json!({ "exp": 9_999_999_999_999_i64 })),
        ("beyond all numbers", json!({ "exp": 1e300 })),
        ("a number as text", json!({ "exp": (at + 60).to_string() })),
        ("a list of ends", json!({ "exp": [at + 60] })),
        ("a truth for an end", json!({ "exp": true })),
        ("not yet", json!({ "nbf": at + 75 })),
        ("not yet, by a year", json!({ "nbf": at + 31_536_000 })),
        ("made in the future", json!({ "iat": at + 75 })),
        ("made yesterday", json!({ "iat": at - 86_400 })),
        ("a beginning as text", json!({ "nbf": at.to_string() })),
        ("a making as text", json!({ "iat": at.to_string() })),
    ] {
        let claims = with(signer.claims(&demo.base), changes);
        refused(demo, &signer, &signer.sign(&signer.header(), &claims), row);
    }
    let repeated = signer.claims(&demo.base).to_string();
    let repeated = format!(r#"{{"aud":"{base}",{}"#, repeated.strip_prefix('{').unwrap());
    let header = signer.header().to_string();
    refused(
        demo,
        &signer,
        &signer.sign_text(&header, &repeated),
        "a repeated claim",
    );
    for claims in ["", "null", "[]", "\"text\"", "{"] {
        refused(demo, &signer, &signer.sign_text(&header, claims), claims);
    }
}

fn k05_wrong_signatures_are_refused(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let rsa = Signer::of(demo, "standard", "PS256");
    let good = signer.assertion(&demo.base);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let last = if signature.ends_with('A') { "B" } else { "A" };
    let texts = [
        format!("{signed}."),
        signed.to_owned(),
        format!("{head}.{claims}.{signature}.{signature}"),
        format!("{signed}.{}", "A".repeat(86)),
        format!("{signed}.{last}{}", &signature[1..]),
        format!("{signed}.{signature}="),
        format!("{head}..{signature}"),
        format!(".{claims}.{signature}"),
        "..".to_owned(),
        "x".to_owned(),
        "x".repeat(8000),
        // RFC 7518 §3.4: a DER signature is invalid.
        format!(
            "{signed}.MEQCIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABAiAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ"
        ),
    ];
    for text in texts {
        refused(demo, &signer, &text, &text);
    }
    // An embedded key belongs to no client, whoever signed with it, and neither does one behind a URL.
    let header = with(
        rsa.header(),
        json!({ "kid": null, "jwk": { "kty": "EC" }, "jku": "https://attacker.example/keys", "x5u": "https://attacker.example/chain" }),
    );
    let foreign = with(
        rsa.claims(&demo.base),
        json!({ "iss": signer.id, "sub": signer.id }),
    );
    let text = refused(demo, &signer, &rsa.sign(&header, &foreign), "an embedded key");
    assert!(text.starts_with(NOTHING_PROVED), "{text}");
    // Algorithm confusion: an RSA public key as an HMAC secret.
    let secret = EncodingKey::from_secret(rsa.kid.as_bytes());
    let header = json!({ "alg": "HS256", "kid": rsa.kid }).to_string();
    let confused = sign(
        &secret,
        Algorithm::HS256,
        &header,
        &rsa.claims(&demo.base).to_string(),
    );
    refused(demo, &rsa, &confused, "HMAC");
    // RSASSA-PKCS1-v1_5 is accepted for certificates on the tenant routes only.
    let pkcs1 = sign(
        &rsa.key,
        Algorithm::RS256,
        &with(rsa.header(), json!({ "alg": "RS256" })).to_string(),
        &rsa.claims(&demo.base).to_string(),
    );
    refused(demo, &rsa, &pkcs1, "RS256");
    // An unknown client gets the same answer.
    let nobody = "11111111-2222-4333-8444-555555555555";
    let claims = with(signer.claims(&demo.base), json!({ "iss": nobody, "sub": nobody }));
    let unknown = refused(demo, &signer, &signer.sign(&signer.header(), &claims), "nobody");
    let claims = with(
        signer.claims(&demo.base),
        json!({ "iss": demo.search.id, "sub": demo.search.id }),
    );
    let keyless = refused(demo, &signer, &signer.sign(&signer.header(), &claims), "no key");
    assert_eq!(unknown, keyless, "A-05");
}

fn k05_wrong_requests_are_refused(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let fresh_one = || signer.assertion(&demo.base);
    let named = |id: &str| body(&fresh_one(), &format!("&client_id={id}"));
    let answer = Answer::of(demo.token(named(&demo.search.id)));
    assert_eq!((answer.status, answer.error().as_str()), (401, "invalid_client"));
    for (row, form) in [
        ("K-06", body(&fresh_one(), "&client_secret=x")),
        (
            "twice",
            body(&fresh_one(), &format!("&client_assertion={}", fresh_one())),
        ),
    ] {
        let answer = Answer::of(demo.token(form));
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (400, "invalid_request"),
            "{row}"
        );
    }
    let both = demo
        .token(body(&fresh_one(), ""))
        .basic_auth(&demo.search.id, Some(&demo.search.secret));
    assert_eq!(Answer::of(both).status, 400, "K-06");
    let in_query = format!("/oauth2/token?client_assertion={}", fresh_one());
    assert_eq!(Answer::of(demo.post(&in_query, GRANT)).status, 400, "T-04");
    for kind in [
        "",
        "&client_assertion_type=jwt-bearer",
        "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Asaml2-bearer",
    ] {
        let form = format!("{GRANT}&client_assertion={}{kind}", fresh_one());
        let answer = Answer::of(demo.token(form));
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (401, "invalid_client"),
            "{kind}"
        );
    }
    let long = with(signer.claims(&demo.base), json!({ "more": "x".repeat(20_000) }));
    let answer = Answer::of(ask(demo, &signer, &signer.sign(&signer.header(), &long)));
    assert_eq!(answer.status, 413);
    assert!(JWT_BEARER.ends_with("jwt-bearer"));
}

fn l02_no_assertion_is_in_the_log(demo: &Demo) {
    let signer = Signer::of(demo, "standard", "ES256");
    let marked = |changes: Value| {
        let changes = with(
            json!({ "jti": format!("sentinel{}", fresh()), "more": "sentinelQ" }),
            changes,
        );
        let claims = with(signer.claims(&demo.base), changes);
        signer.sign(&signer.header(), &claims)
    };
    let assertions = [
        marked(json!({})),
        marked(json!({ "aud": "sentinelAudience" })),
        marked(json!({ "exp": 1 })),
    ];
    let mut last = String::new();
    for assertion in &assertions {
        let _ = Answer::of(ask(demo, &signer, assertion));
        let answer = Answer::of(ask(demo, &signer, &format!("{assertion}sentinel")));
        answer.header("x-request-id").clone_into(&mut last);
    }
    // Log lines are written asynchronously, after the answers.
    eventually(|| demo.log().contains(&last));
    let log = demo.log();
    assert!(log.contains(&signer.id) || log.contains("key_id="));
    for assertion in &assertions {
        for part in assertion.split('.') {
            assert!(!log.contains(part), "L-02");
        }
    }
    assert!(!log.contains("sentinel"), "L-02");
}
