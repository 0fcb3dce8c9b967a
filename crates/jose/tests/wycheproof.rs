//! Project Wycheproof's test vectors for JSON Web Signatures and Keys: invalid ones are never accepted, valid ones
//! are if we support their algorithm.

#![expect(clippy::unwrap_used, reason = "helpers of tests stand outside test functions")]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jose::{Jws, PublicKey};
use serde_json::{Map, Value};
use wycheproof_ng_kdf_jose::json_web::{TestName, TestSet};

/// A group has one key, or a JWK Set.
fn keys(group: &Value) -> Vec<Map<String, Value>> {
    let several = group.get("keys").and_then(Value::as_array).cloned();
    let each = several.unwrap_or_else(|| vec![group.clone()]);
    each.iter().filter_map(Value::as_object).cloned().collect()
}

/// Verifies as with a JWK Set: unsuitable keys are skipped, and `kid` must match.
fn is_accepted(keys: &[Map<String, Value>], text: &str) -> bool {
    let Ok(jws) = Jws::parse(text) else { return false };
    keys.iter()
        .filter(|jwk| jws.header("kid").is_none_or(|kid| jwk.get("kid") == Some(kid)))
        .filter_map(|jwk| PublicKey::from_jwk(jwk).ok())
        .any(|key| jws.is_signed_by(&key))
}

/// Whether the algorithm is supported, and the key is not symmetric.
fn is_ours(keys: &[Map<String, Value>], text: &str) -> bool {
    let header = text.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    let header: Value = serde_json::from_slice(&header).unwrap_or_default();
    let is_public = keys.iter().all(|jwk| jwk["kty"] != "oct");
    is_public
        && ["ES256", "PS256", "RS256", "EdDSA"]
            .iter()
            .any(|name| header["alg"] == *name)
}

/// Returns how many vectors were accepted and how many rejected.
fn judge(name: TestName) -> (usize, usize) {
    let (mut accepted, mut refused) = (0, 0);
    for group in TestSet::load(name).unwrap().test_groups {
        let of_group = group.public_key.or(group.private_key).unwrap();
        let keys = keys(&of_group);
        for test in group.tests {
            let given = test.jws.or(test.jwe).unwrap();
            let text = given.as_str().map_or(given.to_string(), str::to_owned);
            let expected = !test.result.must_fail() && is_ours(&keys, &text);
            let told = format!("{name:?} {}: {}", test.tc_id, test.comment);
            assert_eq!(is_accepted(&keys, &text), expected, "{told}");
            match expected {
                true => accepted += 1,
                false => refused += 1,
            }
        }
    }
    (accepted, refused)
}

#[test]
fn k03_signatures_are_accepted_and_refused_as_wycheproof_says() {
    assert_eq!(judge(TestName::JsonWebSignature), (16, 385));
}

#[test]
fn k03_keys_are_accepted_and_refused_as_wycheproof_says() {
    assert_eq!(judge(TestName::JsonWebKey), (1, 25));
}

#[test]
fn k03_mixed_vectors_are_accepted_and_refused_as_wycheproof_says() {
    assert_eq!(judge(TestName::JsonWebCrypto), (2, 81));
}
