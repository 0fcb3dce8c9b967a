//! The standard's own ID token is valid; what a forger, a mistaken provider or another client's token brings is
//! refused.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
        RSA_PSS_SHA256, RsaEncoding, RsaKeyPair, RsaPublicKeyComponents,
    },
};
use serde_json::json;

use super::*;
use crate::sign_in::openid::refusal::with_causes;

/// OpenID Connect Core 1.0 appendix A.3.
const ID_TOKEN: &str = "eyJraWQiOiIxZTlnZGs3IiwiYWxnIjoiUlMyNTYifQ.ewogImlzcyI6ICJodHRwOi8vc2VydmVyLmV4YW1wbGUuY29tIiwKICJzdWIiOiAiMjQ4Mjg5NzYxMDAxIiwKICJhdWQiOiAiczZCaGRSa3F0MyIsCiAibm9uY2UiOiAibi0wUzZfV3pBMk1qIiwKICJleHAiOiAxMzExMjgxOTcwLAogImlhdCI6IDEzMTEyODA5NzAsCiAiYXRfaGFzaCI6ICI3N1FtVVB0alBmeld0RjJBbnBLOVJRIgp9.F9gRev0Dt2tKcrBkHy72cmRqnLdzw9FLCCSebV7mWs7o_sv2O5s6zMky2kmhHTVx9HmdvNnx9GaZ8XMYRFeYk8L5NZ7aYlA5W56nsG1iWOou_-gji0ibWIuuf4Owaho3YSoi7EvsTuLFz6tq-dLyz0dKABMDsiCmJ5wqkPUDTE3QTXjzbUmOzUDli-gCh5QPuZAq0cNW3pf_2n4zpvTYtbmj12cVcxGIMZby7TMWESRjQ9_o3jvhVNcCGcE0KAQXejhA1ocJhNEvQNqMFGlBb6_0RxxKjDZ-Oa329eGDidOvvp0h5hoES4a8IuGKS7NOcpp-aFwp0qVMDLI-Xnm-Pg";
const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
/// Appendix A.7.
const MODULUS: &str = "w7Zdfmece8iaB0kiTY8pCtiBtzbptJmP28nSWwtdjRu0f2GFpajvWE4VhfJAjEsOcwYzay7XGN0b-X84BfC8hmCTOj2b2eHT7NsZegFPKRUQzJ9wW8ipn_aDJWMGDuB1XyqT1E7DYqjUCEOD1b4FLpy_xPn6oV_TYOfQ9fZdbE5HGxJUzekuGcOKqOQ8M7wfYHhHHLxGpQVgL0apWuP2gDDOdTtpuld4D2LK1MZK99s9gaSjRHE8JDb1Z4IGhEcEyzkxswVdPndUWzfvWBBWXWxtSUvQGBRkuy1BHOa4sP6FKjWEeeF7gm7UMs2Nm2QUgNZw6xvEDGaLk4KASdIxRQ";
const NOW: i64 = 1_311_280_970;

fn expected(after: i64) -> Expected<'static> {
    Expected {
        issuer: "http://server.example.com",
        client_id: "s6BhdRkqt3",
        nonce: "n-0S6_WzA2Mj",
        access_token: ACCESS_TOKEN,
        now: DateTime::from_timestamp(NOW + after, 0).unwrap(),
    }
}

fn jwks(keys: &[&Value]) -> Jwks {
    Jwks::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn encode(octets: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// The JWK of the appendix.
fn key_of_the_standard() -> Value {
    json!({ "kty": "RSA", "kid": "1e9gdk7", "n": MODULUS, "e": "AQAB" })
}

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// A key of the provider.
struct Signer {
    algorithm: &'static str,
    jwk: Value,
    sign: Sign,
}

impl Signer {
    fn ecdsa(algorithm: &'static str, curve: &str, parameters: &'static EcdsaSigningAlgorithm) -> Self {
        let pair = EcdsaKeyPair::generate(parameters).unwrap();
        let (x, y) = {
            let point = &pair.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            (encode(x), encode(y))
        };
        Self {
            algorithm,
            jwk: json!({ "kty": "EC", "kid": "k", "crv": curve, "x": x, "y": y }),
            sign: Box::new(move |text| pair.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec()),
        }
    }

    fn es256() -> Self {
        Self::ecdsa("ES256", "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    fn ed25519() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        Self {
            algorithm: "EdDSA",
            jwk: json!({ "kty": "OKP", "kid": "k", "crv": "Ed25519", "x": encode(pair.public_key()) }),
            sign: Box::new(move |text| pair.sign(text).as_ref().to_vec()),
        }
    }

    fn rsa(algorithm: &'static str, encoding: &'static dyn RsaEncoding) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        Self {
            algorithm,
            jwk: json!({ "kty": "RSA", "kid": "k", "n": encode(public.n), "e": encode(public.e) }),
            sign: Box::new(move |text| {
                let mut signature = vec![0; pair.public_modulus_len()];
                let random = SystemRandom::new();
                pair.sign(encoding, &random, text, &mut signature).unwrap();
                signature
            }),
        }
    }

    /// A token with these claims beside, or instead of, those of a valid one.
    fn token(&self, change: Value) -> String {
        let header = json!({ "alg": self.algorithm, "kid": "k" });
        self.compact(&header.to_string(), &claims(change).to_string())
    }

    fn compact(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature = encode((self.sign)(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn jwk_with(&self, change: Value) -> Value {
        changed(self.jwk.clone(), change)
    }
}

/// The members of `change` replace those of `object`; null removes one.
fn changed(mut object: Value, change: Value) -> Value {
    let members = object.as_object_mut().unwrap();
    members.extend(change.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    object
}

fn claims(change: Value) -> Value {
    let valid = json!({
        "iss": "http://server.example.com", "sub": "248289761001", "aud": "s6BhdRkqt3",
        "nonce": "n-0S6_WzA2Mj", "exp": NOW + 1000, "iat": NOW,
    });
    changed(valid, change)
}

/// The text of the refusal in the log.
fn refusal(token: &str, keys: &[&Value]) -> String {
    match validate(token, &jwks(keys), &expected(0)) {
        Ok(claims) => panic!("accepted: {claims:?}"),
        Err(error) => with_causes(&error),
    }
}

fn accepted(token: &str, keys: &[&Value]) -> Claims {
    validate(token, &jwks(keys), &expected(0)).unwrap()
}

#[test]
fn w05_the_id_token_of_the_standard_is_valid() {
    let claims = accepted(ID_TOKEN, &[&key_of_the_standard()]);
    assert_eq!(claims.sub, "248289761001");
    let keys = jwks(&[&key_of_the_standard()]);
    let other = Expected {
        access_token: "another",
        ..expected(0)
    };
    let refused = validate(ID_TOKEN, &keys, &other).unwrap_err();
    assert!(matches!(refused, IdTokenError::AccessTokenHash));
}

#[test]
fn w05_each_algorithm_verifies_and_has_its_own_at_hash() {
    let hashes = [
        ("256", "77QmUPtjPfzWtF2AnpK9RQ"),
        ("384", "jtAeDp945y1dDqU3nkIVGNZP1HjH_MFs"),
        ("512", "q7nS86GgvvFaZkzALLWqJYaJIKw2wCDAVfCAsm5CrBM"),
    ];
    let signers = [
        ("256", Signer::rsa("RS256", &RSA_PKCS1_SHA256)),
        ("384", Signer::rsa("RS384", &RSA_PKCS1_SHA384)),
        ("512", Signer::rsa("RS512", &RSA_PKCS1_SHA512)),
        ("256", Signer::rsa("PS256", &RSA_PSS_SHA256)),
        ("256", Signer::es256()),
        (
            "384",
            Signer::ecdsa("ES384", "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
        ),
        ("512", Signer::ed25519()),
    ];
    for (size, signer) in signers {
        accepted(&signer.token(json!({})), &[&signer.jwk]);
        let declared = signer.jwk_with(json!({ "alg": signer.algorithm, "use": "sig" }));
        accepted(&signer.token(json!({})), &[&declared]);
        for (of, at_hash) in hashes {
            let token = signer.token(json!({ "at_hash": at_hash }));
            let outcome = validate(&token, &jwks(&[&signer.jwk]), &expected(0));
            assert_eq!(outcome.is_ok(), of == size, "{} {of}", signer.algorithm);
        }
    }
}

#[test]
fn w05_a_header_that_asks_for_something_else_is_refused() {
    let signer = Signer::es256();
    let refused = [
        (r#"{"alg":"none"}"#, "No signature"),
        (r#"{"alg":"HS256","kid":"k"}"#, "Disallowed signature algorithm"),
        (r#"{"alg":"PS512","kid":"k"}"#, "Disallowed signature algorithm"),
        (r#"{"alg":"ES512","kid":"k"}"#, "Disallowed signature algorithm"),
        (r#"{"alg":"es256","kid":"k"}"#, "Disallowed signature algorithm"),
        (r#"{"alg":"RS256","kid":"k"}"#, "No matching key"),
        (r#"{"alg":"ES384","kid":"k"}"#, "No matching key"),
        (r#"{"alg":"ES256","kid":"K"}"#, "No matching key"),
        (r#"{"alg":"ES256","kid":["k"]}"#, "kid"),
        (r#"{"kid":"k"}"#, "alg"),
        (r#"{"alg":"none","alg":"ES256","kid":"k"}"#, "repeated"),
        (r#"{"alg":"ES256","kid":"k","crit":["exp"]}"#, "`crit`"),
        (r#"{"alg":"ES256","kid":"k","crit":null}"#, "`crit`"),
        (
            r#"{"alg":"ES256","kid":"k","crit":["a"],"crit":["b"]}"#,
            "repeated",
        ),
        (r#"{"alg":"ES256","kid":"k","b64":true}"#, "`b64`"),
        (r#"{"alg":"ES256","kid":"k","cty":"JWT"}"#, "`cty`"),
        (r#"{"alg":"ES256","kid":"k","enc":"A128GCM"}"#, "`enc`"),
        (r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#, "JWT type"),
        ("[]", "no JSON object"),
    ];
    let payload = claims(json!({})).to_string();
    for (header, cause) in refused {
        let text = refusal(&signer.compact(header, &payload), &[&signer.jwk]);
        assert!(text.contains(cause), "{header}: {text}");
    }
    for typ in ["JWT", "jwt", "application/JWT", "JOSE"] {
        let header = json!({ "alg": "ES256", "kid": "k", "typ": typ, "jwk": { "kty": "oct", "k": "AA" } });
        accepted(&signer.compact(&header.to_string(), &payload), &[&signer.jwk]);
    }
}

#[test]
fn w05_a_token_that_anybody_could_sign_is_refused() {
    let (own, other) = (Signer::es256(), Signer::es256());
    let text = refusal(&other.token(json!({})), &[&own.jwk]);
    assert!(text.contains("Crypto error"), "{text}");
    let token = own.token(json!({}));
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("{token}");
    };
    let owner = encode(claims(json!({ "sub": "owner" })).to_string());
    let refused = [
        (format!("{header}.{owner}.{signature}"), "Crypto error"),
        (format!("{header}.{payload}."), "Crypto error"),
        (
            format!("{}.{payload}.", encode(r#"{"alg":"none"}"#)),
            "No signature",
        ),
        (format!("{header}.{payload}"), "2 parts"),
        (format!("{header}.{payload}.{signature}.AA.AA"), "5 parts"),
        (format!("{header}=.{payload}.{signature}"), "base64url"),
        (String::new(), "1 parts"),
    ];
    for (token, cause) in refused {
        let text = refusal(&token, &[&own.jwk]);
        assert!(text.contains(cause), "{token}: {text}");
    }
}

#[test]
fn w05_a_public_key_is_no_secret() {
    let public = key_of_the_standard();
    for secret in [MODULUS.to_owned(), public.to_string()] {
        let signer = Signer {
            algorithm: "HS256",
            jwk: public.clone(),
            sign: Box::new(move |text| {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                hmac::sign(&key, text).as_ref().to_vec()
            }),
        };
        let shared = json!({ "kty": "oct", "kid": "k", "alg": "HS256", "k": MODULUS });
        let text = refusal(&signer.token(json!({})), &[&public, &shared]);
        assert!(text.contains("Disallowed signature algorithm"), "{text}");
    }
}

#[test]
fn w05_the_key_is_for_this_algorithm_and_for_signatures() {
    let signer = Signer::es256();
    let unfit = [
        json!({ "use": "enc" }),
        json!({ "alg": "ES384" }),
        json!({ "alg": "ECDH-ES" }),
        json!({ "kty": "OKP" }),
        json!({ "kty": "RSA" }),
        json!({ "crv": "P-384" }),
        json!({ "crv": "Ed25519" }),
        json!({ "x": "*" }),
        json!({ "kid": "another" }),
        json!({ "kid": null }),
    ];
    for change in unfit {
        let token = signer.token(json!({}));
        let text = refusal(&token, &[&signer.jwk_with(change.clone())]);
        assert_eq!(text, "No matching key found", "{change}");
    }
}

#[test]
fn w05_without_kid_exactly_one_key_fits() {
    let (signer, other) = (Signer::es256(), Signer::ed25519());
    let token = signer.compact(r#"{"alg":"ES256"}"#, &claims(json!({})).to_string());
    let unknown = json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" });
    let encryption = signer.jwk_with(json!({ "use": "enc" }));
    accepted(&token, &[&unknown, &encryption, &signer.jwk, &other.jwk]);
    let second = Signer::es256();
    let text = refusal(&token, &[&signer.jwk, &second.jwk]);
    assert!(text.contains("Ambiguous"), "{text}");
}

#[test]
fn w05_a_modulus_with_a_leading_zero_is_understood() {
    let octets = URL_SAFE_NO_PAD.decode(MODULUS).unwrap();
    let padded = encode([vec![0], octets].concat());
    let key = changed(key_of_the_standard(), json!({ "n": padded, "e": "AAEAAQ" }));
    accepted(ID_TOKEN, &[&key]);
}

#[test]
fn w05_claims_of_another_issuer_client_attempt_or_time_are_refused() {
    let signer = Signer::es256();
    let refused = [
        (json!({ "iss": "http://server.example.com/" }), "Invalid issuer"),
        (json!({ "iss": "https://server.example.com" }), "Invalid issuer"),
        (json!({ "aud": "another" }), "must contain `s6BhdRkqt3`"),
        (json!({ "aud": [] }), "must contain `s6BhdRkqt3`"),
        (
            json!({ "aud": ["s6BhdRkqt3", "another"] }),
            "`another` is not a trusted audience",
        ),
        (json!({ "aud": null }), "aud"),
        (json!({ "azp": "another" }), "authorized party"),
        (json!({ "exp": NOW }), "Expired"),
        (json!({ "exp": NOW - 1 }), "Expired"),
        (json!({ "exp": 1e300 }), "exp"),
        (json!({ "exp": "tomorrow" }), "exp"),
        (json!({ "exp": null }), "exp"),
        (json!({ "iat": NOW - 300 }), "too long ago"),
        (json!({ "iat": NOW + 300 }), "in the future"),
        (json!({ "iat": null }), "iat"),
        (json!({ "nonce": "n-0S6_WzA2MJ" }), "nonce mismatch"),
        (json!({ "nonce": null }), "missing nonce"),
        (json!({ "at_hash": "77QmUPtjPfzWtF2AnpK9Rg" }), "at_hash"),
        (json!({ "at_hash": "" }), "at_hash"),
        (json!({ "sub": null }), "sub"),
        (json!({ "sub": 7 }), "sub"),
    ];
    for (change, cause) in refused {
        let text = refusal(&signer.token(change.clone()), &[&signer.jwk]);
        assert!(text.contains(cause), "{change}: {text}");
    }
    let good = [
        json!({ "aud": ["s6BhdRkqt3"], "azp": "s6BhdRkqt3" }),
        json!({ "exp": NOW as f64 + 0.5, "iat": NOW as f64 - 0.5 }),
        json!({ "iat": NOW - 299 }),
        json!({ "iat": NOW + 299 }),
    ];
    for change in good {
        accepted(&signer.token(change), &[&signer.jwk]);
    }
}

#[test]
fn w05_repeated_claims_are_refused() {
    let signer = Signer::es256();
    let valid = claims(json!({})).to_string();
    let payload = valid.replacen('{', r#"{"sub":"owner","#, 1);
    let token = signer.compact(r#"{"alg":"ES256"}"#, &payload);
    assert!(refusal(&token, &[&signer.jwk]).contains("repeated"));
}

#[test]
fn w05_time_is_that_of_our_clock() {
    let keys = jwks(&[&key_of_the_standard()]);
    let at = |after| validate(ID_TOKEN, &keys, &expected(after));
    assert!(at(299).is_ok());
    assert!(matches!(at(300), Err(IdTokenError::NotFresh)));
    assert!(matches!(at(1000), Err(IdTokenError::Expired(_))));
}
