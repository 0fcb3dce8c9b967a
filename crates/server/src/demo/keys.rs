//! Key pairs of the demo's clients that use `private_key_jwt`, generated into files readable by the folder's owner.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use jose::PublicKey;
use keystore::{Algorithm, SigningKey};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::{Map, Value, json};
use x509_parser::der_parser::{
    ber::{BerObject, BerObjectContent},
    parse_der,
};

use crate::Outcome;

/// Lifetime of a sample certificate.
const CERTIFICATE_LIFE: TimeDelta = TimeDelta::days(365);

/// A sample client's key pair.
pub struct SamplePair {
    /// The private JWK, as client libraries expect it.
    pub private_jwk: Map<String, Value>,
    pub public: PublicKey,
}

/// Loads the key pair from a PEM file of the folder, or generates it.
pub fn pair(dir: &Path, name: &str, algorithm: Algorithm) -> Outcome<SamplePair> {
    let pem = private_pem(dir, name, algorithm)?;
    let signing = SigningKey::parse(&pem, algorithm, DateTime::UNIX_EPOCH)?;
    let Value::Object(published) = serde_json::to_value(&signing.jwk)? else {
        return Err("a JWK is an object".into());
    };
    let public = PublicKey::from_jwk(&published)?;
    let mut private_jwk = public.jwk().clone();
    private_jwk.insert("alg".to_owned(), json!(algorithm.name()));
    private_jwk.insert("kid".to_owned(), json!(public.thumbprint()));
    private_jwk.insert("use".to_owned(), json!("sig"));
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())?;
    private_jwk.extend(private_members(der.secret_pkcs8_der(), algorithm)?);
    Ok(SamplePair { private_jwk, public })
}

/// The files of a self-signed RSA certificate and its key; generated if missing or expired.
pub fn certificate(dir: &Path, name: &str, now: DateTime<Utc>) -> Outcome<(PathBuf, PathBuf, String)> {
    let key = private_pem(dir, name, Algorithm::RS256)?;
    let (certificate_file, key_file) = (file(dir, name, "crt"), file(dir, name, "pem"));
    let is_good = |pem: &str| domain::key_registration::read_pem(pem, now).is_ok();
    if let Some(pem) = fs::read_to_string(&certificate_file)
        .ok()
        .filter(|pem| is_good(pem))
    {
        return Ok((certificate_file, key_file, pem));
    }
    let pair = KeyPair::from_pkcs8_pem_and_sign_algo(&key, &PKCS_RSA_SHA256)?;
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    let day = |at: DateTime<Utc>| rcgen::date_time_ymd(at.year(), at.month() as u8, at.day() as u8);
    parameters.not_before = day(now - TimeDelta::days(1));
    parameters.not_after = day(now + CERTIFICATE_LIFE);
    let pem = parameters.self_signed(&pair)?.pem();
    fs::write(&certificate_file, &pem)?;
    Ok((certificate_file, key_file, pem))
}

fn file(dir: &Path, name: &str, extension: &str) -> PathBuf {
    dir.join("client-keys").join(format!("{name}.{extension}"))
}

fn private_pem(dir: &Path, name: &str, algorithm: Algorithm) -> Outcome<String> {
    let path = file(dir, name, "pem");
    if !path.exists() {
        fs::create_dir_all(dir.join("client-keys"))?;
        keystore::write_private(&path, SigningKey::generate_pem(algorithm)?.as_bytes())?;
    }
    Ok(fs::read_to_string(path)?)
}

/// The private members of a JWK (RFC 7518 §6.2.2, §6.3.2, RFC 8037 §2), from PKCS#8 (RFC 5958).
fn private_members(pkcs8: &[u8], algorithm: Algorithm) -> Outcome<Map<String, Value>> {
    let malformed = || "the key is no PKCS#8";
    let inner = item(pkcs8, 2)?.ok_or_else(malformed)?;
    let names: &[(usize, &str)] = match algorithm {
        Algorithm::ES256 => &[(1, "d")],
        Algorithm::RS256 | Algorithm::PS256 => {
            &[(3, "d"), (4, "p"), (5, "q"), (6, "dp"), (7, "dq"), (8, "qi")]
        }
        Algorithm::EdDSA => {
            let (_, octets) = parse_der(&inner).map_err(|_| malformed())?;
            let d = octets.as_slice().map_err(|_| malformed())?;
            return Ok(Map::from_iter([(
                "d".to_owned(),
                json!(URL_SAFE_NO_PAD.encode(d)),
            )]));
        }
    };
    let mut members = Map::new();
    for (at, name) in names {
        let number = item(&inner, *at)?.ok_or_else(malformed)?;
        let number = match number.strip_prefix(&[0]) {
            Some(rest) if algorithm != Algorithm::ES256 => rest,
            _ => &number,
        };
        members.insert((*name).to_owned(), json!(URL_SAFE_NO_PAD.encode(number)));
    }
    Ok(members)
}

/// The contents of one element of a DER sequence.
fn item(der: &[u8], at: usize) -> Outcome<Option<Vec<u8>>> {
    let (_, sequence): (_, BerObject<'_>) = parse_der(der).map_err(|_| "the key is no DER")?;
    let BerObjectContent::Sequence(items) = &sequence.content else {
        return Ok(None);
    };
    let bytes = items.get(at).and_then(|one| one.as_slice().ok());
    Ok(bytes.map(<[u8]>::to_vec))
}
