//! Verifications of one token per second, by a verifier with its caches filled and by what no verifier can leave out: the
//! signature, and reading the JSON. `cargo xtask bench` runs it. Arguments: the issuer, and one of its ES256 tokens.

#![expect(clippy::disallowed_methods, reason = "time is what is measured")]

use std::{
    error::Error,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;
use verifier::{Algorithm, Fetch, HttpFetch, Issuer, Settings, StatusPolicy, SystemClock, Verifier};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(1);
/// So many verifications between two looks at the clock.
const BATCH: u32 = 100;

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading is what is measured")]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "reading is what is measured")]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    roles: Vec<String>,
    client_id: String,
}

/// Verifies like a verifier that asks nothing but the signature.
struct Bare(ParsedPublicKey);

impl Bare {
    async fn new(fetch: &HttpFetch, issuer: &str, kid: &str) -> Result<Self, Box<dyn Error>> {
        let metadata = fetch
            .get(&format!("{issuer}/.well-known/openid-configuration"))
            .await?;
        let metadata: Value = serde_json::from_slice(&metadata)?;
        let keys = fetch
            .get(metadata["jwks_uri"].as_str().ok_or("no jwks_uri")?)
            .await?;
        let keys: Value = serde_json::from_slice(&keys)?;
        let keys = keys["keys"].as_array().ok_or("no keys")?;
        let key = keys.iter().find(|key| key["kid"] == kid).ok_or("no such key")?;
        let mut point = vec![4];
        for coordinate in ["x", "y"] {
            let text = key[coordinate].as_str().ok_or("not an EC key")?;
            point.extend(URL_SAFE_NO_PAD.decode(text)?);
        }
        Ok(Self(ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point)?))
    }

    fn verify(&self, token: &str) -> Result<Claims, Box<dyn Error>> {
        let (signed, signature) = token.rsplit_once('.').ok_or("no JWS")?;
        let (header, payload) = signed.split_once('.').ok_or("no JWS")?;
        let _header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
        let claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?;
        self.0
            .verify_sig(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature)?)?;
        Ok(claims)
    }
}

fn part<T: for<'a> Deserialize<'a>>(token: &str, number: usize) -> Result<T, Box<dyn Error>> {
    let part = token.split('.').nth(number).ok_or("no JWS")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
}

/// How many per second.
macro_rules! rate {
    ($once:expr) => {{
        let (began, mut count) = (Instant::now(), 0);
        while began.elapsed() < ROUND {
            for _ in 0..BATCH {
                black_box($once);
            }
            count += BATCH;
        }
        f64::from(count) / began.elapsed().as_secs_f64()
    }};
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, token] = arguments.as_slice() else {
        return Err("needs: ISSUER TOKEN".into());
    };
    let (header, claims): (Header, Claims) = (part(token, 0)?, part(token, 1)?);
    let fetch = HttpFetch::new()?;
    let bare = Bare::new(&fetch, issuer, &header.kid).await?;
    let settings = Settings {
        issuers: vec![Issuer::standard(issuer)],
        audiences: vec![claims.aud],
        algorithms: vec![Algorithm::ES256],
        skew_seconds: 30,
        status: StatusPolicy::Required,
    };
    let ours = Verifier::new(settings, Arc::new(fetch), Arc::new(SystemClock::start()))?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let second = rate!(bare.verify(token)?);
        let first = rate!(ours.verify(token).await?);
        rounds.push((first / second, first, second));
    }
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, first, second) = rounds[ROUNDS / 2];
    println!("{first:.0}; signature and JSON alone {second:.0}; ratio {ratio:.2}");
    Ok(())
}
