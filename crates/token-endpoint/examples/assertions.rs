//! Prints token requests with `private_key_jwt` client assertions (RFC 7523 §2.2), one form a line, each usable once,
//! for `cargo xtask bench`. Arguments: a demo's data folder, a client id, the issuer and a resource.

#![expect(
    clippy::disallowed_methods,
    reason = "assertions are made for this moment, by a program of its own"
)]

use std::io::{BufWriter, Write, stdout};

use chrono::{DateTime, Utc};
use keystore::{Algorithm, SigningKey};
use serde_json::json;
use uuid::Uuid;

/// More assertions than one measurement uses up.
const COUNT: usize = 40_000;
const KEY: &str = "client-keys/Partner-FR-SampleBankKey-SMC.pem";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, client_id, issuer, resource] = arguments.as_slice() else {
        return Err("needs: FOLDER CLIENT_ID ISSUER RESOURCE".into());
    };
    let pem = std::fs::read_to_string(format!("{folder}/{KEY}"))?;
    let key = SigningKey::parse(&pem, Algorithm::ES256, DateTime::UNIX_EPOCH)?;
    let now = Utc::now().timestamp();
    let start = Uuid::from_u128(Utc::now().timestamp_micros().unsigned_abs().into());
    let mut out = BufWriter::new(stdout().lock());
    for number in 0..COUNT {
        let assertion = key.sign(
            "client-authentication+jwt",
            &json!({
                "iss": client_id, "sub": client_id, "aud": issuer, "iat": now, "exp": now + 240,
                "jti": format!("{start}-{number}"),
            }),
        )?;
        writeln!(
            out,
            "grant_type=client_credentials&client_id={client_id}&resource={resource}&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={assertion}"
        )?;
    }
    Ok(out.flush()?)
}
