//! An issuer in memory: what it publishes, a key that signs whatever a target likes, and a verifier that trusts it.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use jsonwebtoken::{Algorithm as SignedBy, EncodingKey};
use keystore::{Algorithm, SigningKey};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use verifier::{
    Clock, Fetch, FetchError, Fetching, Issuer, Rejection, Settings, StatusPolicy, VerifiedToken, Verifier,
};

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const URL: &str = "https://auth.example.org";
pub(crate) const AUDIENCE: &str = "f6d78a69-c840-46a2-941b-a0e08f9296e7";
pub(crate) const LIST: &str = "https://auth.example.org/oauth2/statuslists/0";
const CLIENT: &str = "0a8b3c54-6c1e-4d4e-9d0a-2f0b7c1d3e5f";
const JWKS: &str = "https://auth.example.org/oauth2/jwks";

/// Documents by their address, at a time that stands still.
struct World(Mutex<HashMap<String, String>>);

impl World {
    fn documents(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for World {
    fn unix_time(&self) -> i64 {
        NOW
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(NOW.unsigned_abs())
    }
}

impl Fetch for World {
    fn get<'a>(&'a self, url: &'a str) -> Fetching<'a> {
        let found = self.documents().get(url).map(|text| text.clone().into_bytes());
        Box::pin(async move { found.ok_or_else(|| FetchError("no answer".to_owned())) })
    }
}

/// The key of this process, its private half in the form that signs any bytes.
static KEY: LazyLock<(SigningKey, EncodingKey)> = LazyLock::new(|| {
    let at = DateTime::from_timestamp(NOW, 0).expect("a time");
    let pem = SigningKey::generate_pem(Algorithm::ES256).expect("a key");
    let key = SigningKey::parse(&pem, Algorithm::ES256, at).expect("a key");
    (key, EncodingKey::from_ec_pem(pem.as_bytes()).expect("a key"))
});

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().build().expect("a runtime"));

pub(crate) fn kid() -> &'static str {
    &KEY.0.kid
}

/// A compact JWS over exactly these bytes.
pub(crate) fn sign(header: &[u8], payload: &[u8]) -> String {
    let encode = |part| URL_SAFE_NO_PAD.encode(part);
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &KEY.1, SignedBy::ES256);
    format!("{signed}.{}", signature.expect("a signature"))
}

/// The header of a good token of this type.
pub(crate) fn header(typ: &str) -> Vec<u8> {
    json!({ "typ": typ, "alg": "ES256", "kid": kid() })
        .to_string()
        .into_bytes()
}

/// The claims of a good token, with this index in the status list.
pub(crate) fn claims(index: u64) -> Value {
    json!({
        "iss": URL, "sub": CLIENT, "aud": AUDIENCE, "client_id": CLIENT, "jti": "1",
        "exp": NOW + 3600, "iat": NOW, "nbf": NOW - 300, "roles": ["Search.Read"],
        "status": { "status_list": { "idx": index, "uri": LIST } },
    })
}

/// Judges a token as an API does, where the issuer publishes this status list.
pub(crate) fn judge(token: &str, list: &str) -> Result<VerifiedToken, Rejection> {
    let metadata = json!({ "issuer": URL, "jwks_uri": JWKS }).to_string();
    let keys = json!({ "keys": [KEY.0.jwk] }).to_string();
    let world = Arc::new(World(Mutex::new(HashMap::from([
        (format!("{URL}/.well-known/openid-configuration"), metadata),
        (JWKS.to_owned(), keys),
        (LIST.to_owned(), list.to_owned()),
    ]))));
    let settings = Settings {
        issuers: vec![Issuer::standard(URL)],
        audiences: vec![AUDIENCE.to_owned()],
        algorithms: vec![Algorithm::ES256],
        skew_seconds: 60,
        status: StatusPolicy::Required,
    };
    let (fetch, clock): (Arc<dyn Fetch>, Arc<dyn Clock>) = (world.clone(), world);
    let verifier = Verifier::new(settings, fetch, clock).expect("settings");
    RUNTIME.block_on(verifier.verify(token))
}
