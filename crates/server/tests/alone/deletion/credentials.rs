//! A new credential of each kind, and how a client authenticates with it.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    client_key::ClientKey,
    credential::{CredentialKind, PublicPart},
    federation::FederatedIdentity,
    key_registration::read_jwk,
    pepper::Pepper,
    secret::NewSecret,
};
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::KeyPair;
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use store::NewProof;
use uuid::Uuid;

use super::random::Random;
use crate::support::{
    GRANT,
    assertions::{body, fresh, now, sign},
};

/// The nodes' issuer: the default of `server.public_url`.
const ISSUER: &str = "http://127.0.0.1:8080";
const CLUSTER: &str = "https://cluster.example";
const AUDIENCE: &str = "api://wmda";

/// The stored part of a credential, and the client's.
pub struct NewCredential {
    pub kind: CredentialKind,
    pub hint: String,
    pub proof: NewProof,
    pub way: Way,
}

/// How a client requests a token.
pub enum Way {
    /// Always with this form.
    Secret(String),
    /// With a new assertion each time.
    Assertion(Box<Signer>),
}

/// A private key, and the claims that it signs.
pub struct Signer {
    key: EncodingKey,
    kid: String,
    claims: Value,
    rest: String,
}

impl Way {
    pub fn form(&self) -> String {
        match self {
            Self::Secret(form) => form.clone(),
            Self::Assertion(signer) => signer.form(),
        }
    }

    /// Whether it depends on the clock: a node whose wall clock is wrong rightly refuses assertions.
    pub fn goes_by_the_clock(&self) -> bool {
        matches!(self, Self::Assertion(_))
    }
}

impl Signer {
    fn form(&self) -> String {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": self.kid }).to_string();
        let mut claims = self.claims.clone();
        for (name, value) in [
            ("iat", json!(now())),
            ("exp", json!(now() + 60)),
            ("jti", json!(fresh())),
        ] {
            claims[name] = value;
        }
        body(
            &sign(&self.key, Algorithm::ES256, &header, &claims.to_string()),
            &self.rest,
        )
    }
}

impl NewCredential {
    /// A random kind of credential, for this application and resource.
    pub fn any(application: &(Uuid, String), pepper: &Pepper, random: &mut Random) -> Self {
        match random.below(3) {
            0 => Self::secret(application, pepper),
            1 => Self::key(application),
            _ => Self::federated(application),
        }
    }

    fn secret((client_id, resource): &(Uuid, String), pepper: &Pepper) -> Self {
        let secret = NewSecret::generate(&SystemRandom::new()).unwrap();
        let value = secret.reveal();
        Self {
            kind: CredentialKind::Secret,
            hint: secret.hint().to_owned(),
            proof: NewProof::Secret(pepper.digest(*client_id, value)),
            way: Way::Secret(format!(
                "{GRANT}&client_id={client_id}&client_secret={value}&resource={resource}"
            )),
        }
    }

    fn key(application: &(Uuid, String)) -> Self {
        let (pair, mut jwk) = pair();
        jwk["alg"] = json!("ES256");
        let key = read_jwk(jwk.as_object().unwrap()).unwrap();
        let (kid, client_id) = (key.kid.clone(), application.0);
        let public = PublicPart::Key(Arc::new(ClientKey::Registered(Box::new(key))));
        let claims = json!({ "iss": client_id, "sub": client_id, "aud": ISSUER });
        Self::public(
            CredentialKind::Key,
            public,
            Signer::new(&pair, kid, claims, application),
        )
    }

    /// A federated identity with a subject of its own, and a cluster with a key of its own.
    fn federated(application: &(Uuid, String)) -> Self {
        let (pair, jwk) = pair();
        let (kid, subject) = (jwk["kid"].as_str().unwrap().to_owned(), fresh());
        let set = json!({ "keys": [jwk] });
        let identity =
            FederatedIdentity::register([CLUSTER, &subject, AUDIENCE], set.as_object(), (&[], false));
        let public = PublicPart::Federated(Arc::new(identity.unwrap()));
        let claims = json!({ "iss": CLUSTER, "sub": subject, "aud": AUDIENCE });
        Self::public(
            CredentialKind::Federated,
            public,
            Signer::new(&pair, kid, claims, application),
        )
    }

    fn public(kind: CredentialKind, public: PublicPart, signer: Signer) -> Self {
        Self {
            kind,
            hint: signer.kid.chars().take(3).collect(),
            proof: NewProof::Public(public),
            way: Way::Assertion(Box::new(signer)),
        }
    }
}

impl Signer {
    fn new(pair: &KeyPair, kid: String, claims: Value, (client_id, resource): &(Uuid, String)) -> Self {
        Self {
            key: EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap(),
            kid,
            claims,
            rest: format!("&client_id={client_id}&resource={resource}"),
        }
    }
}

/// A P-256 key, and its public JWK.
fn pair() -> (KeyPair, Value) {
    let pair = KeyPair::generate().unwrap();
    // Uncompressed point: a byte, x, y.
    let point = pair.public_key_raw();
    let half = |range| URL_SAFE_NO_PAD.encode(&point[range]);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": half(1..33), "y": half(33..65), "kid": fresh() });
    (pair, jwk)
}
