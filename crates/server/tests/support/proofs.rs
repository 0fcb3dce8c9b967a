//! Client keys, and DPoP proofs (RFC 9449) made with them, valid or spoilt.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{EncodingKey, crypto, jwk::ThumbprintHash};
use keystore::{Algorithm, SigningKey};
use serde_json::{Value, json};

/// base64url of JSON.
pub fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// base64url of SHA-256, as for `ath` of an access token.
pub fn hash(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(digest)
}

/// A client's key pair.
pub struct ProofKey {
    pub algorithm: Algorithm,
    /// Its public JWK with required members only.
    pub jwk: Value,
    pub thumbprint: String,
    key: EncodingKey,
}

impl ProofKey {
    pub fn new(algorithm: Algorithm) -> Self {
        let pem = SigningKey::generate_pem(algorithm).unwrap().to_string();
        let read = SigningKey::parse(&pem, algorithm, DateTime::UNIX_EPOCH).unwrap();
        let mut jwk = serde_json::to_value(&read.jwk).unwrap();
        let needed = ["kty", "crv", "x", "y", "n", "e"];
        jwk.as_object_mut()
            .unwrap()
            .retain(|name, _| needed.contains(&name.as_str()));
        let key = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
            Algorithm::RS256 | Algorithm::PS256 => EncodingKey::from_rsa_pem(pem.as_bytes()),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem.as_bytes()),
        };
        Self {
            algorithm,
            jwk,
            thumbprint: read.jwk.thumbprint(ThumbprintHash::SHA256).unwrap(),
            key: key.unwrap(),
        }
    }

    /// A draft of a valid proof for this request now, with a unique `jti`.
    pub fn draft(&self, method: &str, url: &str) -> Draft<'_> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let jti = format!(
            "{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        Draft {
            header: json!({ "typ": "dpop+jwt", "alg": self.algorithm.name(), "jwk": self.jwk }),
            claims: json!({ "jti": jti, "htm": method, "htu": url, "iat": Utc::now().timestamp() }),
            key: self,
        }
    }

    /// A valid proof.
    pub fn proof(&self, method: &str, url: &str) -> String {
        self.draft(method, url).signed()
    }

    /// A proof for an API to which the token is presented.
    pub fn proof_with(&self, token: &str, url: &str) -> String {
        let mut draft = self.draft("GET", url);
        draft.claims["ath"] = json!(hash(token));
        draft.signed()
    }

    /// A compact JWS over these two encoded parts.
    pub fn signed(&self, header: &str, payload: &str) -> String {
        let text = format!("{header}.{payload}");
        let signature = crypto::sign(text.as_bytes(), &self.key, self.algorithm.into()).unwrap();
        format!("{text}.{signature}")
    }
}

/// An unsigned proof.
pub struct Draft<'a> {
    pub header: Value,
    pub claims: Value,
    pub key: &'a ProofKey,
}

impl Draft<'_> {
    pub fn signed(&self) -> String {
        self.key.signed(&encoded(&self.header), &encoded(&self.claims))
    }

    /// Signs any JSON, such as one that repeats a key.
    pub fn signed_as(&self, header: &str, claims: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        self.key.signed(&encode(header), &encode(claims))
    }
}
