//! Verification of our own tokens, for introspection and revocation: against every published key, with the algorithm
//! bound to the key. Times and audience must be checked by the caller.

use chrono::{DateTime, Utc};
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde::de::DeserializeOwned;

use crate::{Algorithm, KeySet};

impl KeySet {
    /// The header's `typ` and the claims of a token signed by one of these keys; `None` for anything else.
    pub fn verify<T: DeserializeOwned + Clone>(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Option<(String, T)> {
        let header = decode_header(token).ok()?;
        let keys = self.jwks(now);
        let jwk = keys.find(header.kid.as_deref()?)?;
        let mut only = Validation::new(Algorithm::of_key(jwk)?.into());
        only.required_spec_claims.clear();
        (only.validate_exp, only.validate_aud) = (false, false);
        let decoded = decode::<T>(token, &DecodingKey::from_jwk(jwk).ok()?, &only).ok()?;
        Some((header.typ?, decoded.claims))
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};
    use strum::VariantArray;

    use super::*;
    use crate::SigningKey;

    fn key(algorithm: Algorithm, at: DateTime<Utc>) -> SigningKey {
        SigningKey::parse(&SigningKey::generate_pem(algorithm).unwrap(), algorithm, at).unwrap()
    }

    #[test]
    fn j03_a_token_is_verified_by_the_key_that_it_names_and_by_that_keys_algorithm() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let keys = KeySet::new(Algorithm::VARIANTS.iter().map(|one| key(*one, now)).collect());
        let sign = |algorithm| {
            let key = keys.active(algorithm, now).unwrap();
            key.sign("at+jwt", &json!({ "sub": "a" })).unwrap()
        };
        for algorithm in Algorithm::VARIANTS {
            let (typ, claims) = keys.verify::<Value>(&sign(*algorithm), now).unwrap();
            assert_eq!((typ.as_str(), claims), ("at+jwt", json!({ "sub": "a" })));
        }
        let foreign = key(Algorithm::ES256, now).sign("at+jwt", &json!({})).unwrap();
        assert!(keys.verify::<Value>(&foreign, now).is_none());
        let (_, rest) = foreign.split_once('.').unwrap();
        for alg in ["none", "HS256", "RS256", "PS256", "EdDSA", "ES256"] {
            let kid = &keys.active(Algorithm::ES256, now).unwrap().kid;
            let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"at+jwt"}}"#));
            assert!(
                keys.verify::<Value>(&format!("{header}.{rest}"), now).is_none(),
                "{alg}"
            );
        }
    }
}
