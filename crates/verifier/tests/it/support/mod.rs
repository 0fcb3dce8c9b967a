//! An issuer in memory: its documents, keys and clock, and counts of fetches.

use std::{
    collections::HashMap,
    io::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use jsonwebtoken::{EncodingKey, crypto, jwk::Jwk};
use serde_json::{Value, json};
use verifier::{
    Algorithm, Clock, Fetch, FetchError, Fetching, Issuer, Rejection, Settings, StatusPolicy, VerifiedToken,
    Verifier,
};

pub const URL: &str = "https://auth.example.org";
pub const TENANT: &str = "c3ab1869-1472-4577-b669-0d64c732e75c";
pub const AUDIENCE: &str = "f6d78a69-c840-46a2-941b-a0e08f9296e7";
pub const CLIENT: &str = "0a8b3c54-6c1e-4d4e-9d0a-2f0b7c1d3e5f";
pub const START: i64 = 1_800_000_000;
pub const LIST: &str = "https://auth.example.org/oauth2/statuslists/0";
pub const JWKS: &str = "https://auth.example.org/oauth2/jwks";

pub struct TestKey {
    pub algorithm: Algorithm,
    pub jwk: Jwk,
    pub kid: String,
    pub private: EncodingKey,
}

impl TestKey {
    pub fn generate(algorithm: Algorithm) -> Self {
        let pem = keystore::SigningKey::generate_pem(algorithm).unwrap();
        let at = DateTime::from_timestamp(START, 0).unwrap();
        let key = keystore::SigningKey::parse(&pem, algorithm, at).unwrap();
        let private = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_pem(pem.as_bytes()),
            Algorithm::RS256 | Algorithm::PS256 => EncodingKey::from_rsa_pem(pem.as_bytes()),
            Algorithm::EdDSA => EncodingKey::from_ed_pem(pem.as_bytes()),
        };
        Self {
            algorithm,
            jwk: key.jwk,
            kid: key.kid,
            private: private.unwrap(),
        }
    }

    pub fn header(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": self.algorithm.name(), "kid": self.kid })
    }

    /// A compact JWS over exactly these texts.
    pub fn sign_text(&self, header: &str, payload: &str) -> String {
        sign(header, payload, &self.private, self.algorithm)
    }

    pub fn sign(&self, header: &Value, payload: &Value) -> String {
        self.sign_text(&header.to_string(), &payload.to_string())
    }
}

pub fn encode(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

pub fn sign(
    header: &str,
    payload: &str,
    key: &EncodingKey,
    algorithm: impl Into<jsonwebtoken::Algorithm>,
) -> String {
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature = crypto::sign(signed.as_bytes(), key, algorithm.into()).unwrap();
    format!("{signed}.{signature}")
}

/// Shared by the verifier and its test.
pub struct World {
    now: AtomicI64,
    documents: Mutex<HashMap<String, Vec<u8>>>,
    fetched: Mutex<Vec<String>>,
}

impl Clock for World {
    fn unix_time(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.unix_time().unsigned_abs())
    }
}

impl Fetch for World {
    fn get<'a>(&'a self, url: &'a str) -> Fetching<'a> {
        self.fetched.lock().unwrap().push(url.to_owned());
        let found = self.documents.lock().unwrap().get(url).cloned();
        Box::pin(async move { found.ok_or_else(|| FetchError("no answer".to_owned())) })
    }
}

impl World {
    pub fn pass(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn serve(&self, url: &str, body: impl Into<Vec<u8>>) {
        self.documents.lock().unwrap().insert(url.to_owned(), body.into());
    }

    pub fn outage(&self) {
        self.documents.lock().unwrap().clear();
    }

    /// How often a URL was fetched.
    pub fn fetches(&self, url: &str) -> usize {
        self.fetched
            .lock()
            .unwrap()
            .iter()
            .filter(|asked| *asked == url)
            .count()
    }
}

/// An issuer with one key of each algorithm, and an API that accepts both.
pub struct Scene {
    pub world: Arc<World>,
    pub verifier: Verifier,
    pub es256: TestKey,
    pub rs256: TestKey,
}

impl Scene {
    pub fn new() -> Self {
        Self::with(|settings| settings)
    }

    pub fn with(change: impl FnOnce(Settings) -> Settings) -> Self {
        let world = Arc::new(World {
            now: AtomicI64::new(START),
            documents: Mutex::default(),
            fetched: Mutex::default(),
        });
        let settings = change(Settings {
            issuers: Issuer::all(URL, TENANT),
            audiences: vec![AUDIENCE.to_owned()],
            algorithms: vec![Algorithm::ES256, Algorithm::RS256],
            skew_seconds: 60,
            status: StatusPolicy::Required,
        });
        let (fetch, clock): (Arc<dyn Fetch>, Arc<dyn Clock>) = (world.clone(), world.clone());
        let scene = Self {
            verifier: Verifier::new(settings, fetch, clock).unwrap(),
            world,
            es256: TestKey::generate(Algorithm::ES256),
            rs256: TestKey::generate(Algorithm::RS256),
        };
        scene.publish();
        scene
    }

    /// Serves metadata, JWKS and a status list on which nothing is revoked.
    pub fn publish(&self) {
        let issuers = [
            URL.to_owned(),
            format!("{URL}/{TENANT}/"),
            format!("{URL}/{TENANT}/v2.0"),
        ];
        for issuer in issuers {
            let address = format!(
                "{}/.well-known/openid-configuration",
                issuer.trim_end_matches('/')
            );
            let metadata = json!({ "issuer": issuer, "jwks_uri": JWKS });
            self.world.serve(&address, metadata.to_string());
        }
        self.publish_keys(&[&self.es256, &self.rs256]);
        self.publish_list(&[]);
    }

    pub fn publish_keys(&self, keys: &[&TestKey]) {
        let set: Vec<&Jwk> = keys.iter().map(|key| &key.jwk).collect();
        self.world.serve(JWKS, json!({ "keys": set }).to_string());
    }

    pub fn publish_list(&self, revoked: &[usize]) {
        let now = self.world.unix_time();
        let claims = json!({
            "sub": LIST, "iat": now, "exp": now + 60, "ttl": 10,
            "status_list": { "bits": 1, "lst": list_of(revoked) },
        });
        self.publish_list_token(&json!({ "typ": "statuslist+jwt" }), &claims);
    }

    pub fn publish_list_token(&self, header: &Value, claims: &Value) {
        let token = self.es256.sign(&merged(self.es256.header(), header), claims);
        self.world.serve(LIST, token);
    }

    pub fn claims(&self) -> Value {
        let now = self.world.unix_time();
        json!({
            "iss": URL, "sub": CLIENT, "aud": AUDIENCE, "client_id": CLIENT, "jti": "1", "tid": TENANT,
            "exp": now + 3600, "iat": now, "nbf": now - 300, "roles": ["Search.Read"], "scope": "Search.Read",
            "status": { "status_list": { "idx": 7, "uri": LIST } },
        })
    }

    /// A valid token.
    pub fn token(&self) -> String {
        self.es256.sign(&self.es256.header(), &self.claims())
    }

    /// A token with some claims replaced; `null` removes one.
    pub fn token_with(&self, claims: &Value) -> String {
        self.es256
            .sign(&self.es256.header(), &merged(self.claims(), claims))
    }

    /// A token with some header parameters replaced; `null` removes one.
    pub fn token_under(&self, header: &Value) -> String {
        self.es256
            .sign(&merged(self.es256.header(), header), &self.claims())
    }

    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, Rejection> {
        self.verifier.verify(token).await
    }
}

pub fn merged(mut base: Value, changes: &Value) -> Value {
    let object = base.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => object.remove(key),
            _ => object.insert(key.clone(), value.clone()),
        };
    }
    base
}

/// 1024 bits, the least significant of each byte first.
pub fn list_of(revoked: &[usize]) -> String {
    let mut bits = [0_u8; 128];
    for index in revoked {
        bits[index / 8] |= 1 << (index % 8);
    }
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&bits).unwrap();
    encode(encoder.finish().unwrap())
}
