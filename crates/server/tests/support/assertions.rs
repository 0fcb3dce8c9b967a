//! Client assertions, valid and invalid: built by hand, so that they may say anything.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use reqwest::blocking::RequestBuilder;
use serde_json::{Map, Value, json};

use super::{Demo, GRANT};

pub const JWT_BEARER: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

/// A demo client with a key or a certificate.
pub struct Signer {
    pub id: String,
    pub kid: String,
    pub algorithm: Algorithm,
    pub resource: String,
    pub key: EncodingKey,
}

pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// A unique value.
pub fn fresh() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("{nanos}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl Signer {
    /// The first demo client with this profile and a key of this algorithm.
    pub fn of(demo: &Demo, profile: &str, algorithm: &str) -> Self {
        let clients = demo.summary["key_clients"].as_array().unwrap();
        let client = clients
            .iter()
            .find(|client| client["profile"] == profile && client["alg"] == algorithm)
            .unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let name = text(&client["name"]);
        let pem = fs::read(demo.data_dir().join(format!("client-keys/{name}.pem"))).unwrap();
        let algorithm: Algorithm = algorithm.parse().unwrap();
        Self {
            id: text(&client["client_id"]),
            kid: text(&client["kid"]),
            algorithm,
            resource: text(&client["resources"][0]),
            key: match algorithm {
                Algorithm::ES256 => EncodingKey::from_ec_pem(&pem).unwrap(),
                _ => EncodingKey::from_rsa_pem(&pem).unwrap(),
            },
        }
    }

    /// The demo client with a certificate.
    pub fn certified(demo: &Demo) -> Self {
        let client = &demo.summary["certificate_clients"][0];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            id: text(&client["client_id"]),
            kid: String::new(),
            algorithm: Algorithm::PS256,
            resource: text(&client["resources"][0]),
            key: EncodingKey::from_rsa_pem(&fs::read(text(&client["key_file"])).unwrap()).unwrap(),
        }
    }

    /// The header of a valid assertion.
    pub fn header(&self) -> Value {
        json!({ "alg": name(self.algorithm), "typ": "JWT", "kid": self.kid })
    }

    /// The claims of a valid assertion.
    pub fn claims(&self, audience: &str) -> Value {
        let now = now();
        json!({
            "iss": self.id, "sub": self.id, "aud": audience, "jti": fresh(),
            "iat": now, "nbf": now, "exp": now + 60,
        })
    }

    /// A valid assertion.
    pub fn assertion(&self, audience: &str) -> String {
        self.sign(&self.header(), &self.claims(audience))
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// Signs any texts.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        sign(&self.key, self.algorithm, header, claims)
    }
}

pub fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::ES256 => "ES256",
        Algorithm::PS256 => "PS256",
        Algorithm::RS256 => "RS256",
        Algorithm::EdDSA => "EdDSA",
        _ => "none",
    }
}

pub fn sign(key: &EncodingKey, algorithm: Algorithm, header: &str, claims: &str) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// The object with members replaced, added, or, where null, removed.
pub fn with(mut object: Value, changes: Value) -> Value {
    let members: &mut Map<String, Value> = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    object
}

/// A token request with an assertion, to `/oauth2/token`.
pub fn ask(demo: &Demo, signer: &Signer, assertion: &str) -> RequestBuilder {
    demo.token(body(assertion, &format!("&resource={}", signer.resource)))
}

pub fn body(assertion: &str, rest: &str) -> String {
    format!("{GRANT}&client_assertion_type={JWT_BEARER}&client_assertion={assertion}{rest}")
}
