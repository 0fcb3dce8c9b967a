//! One signing key, parsed once and kept: parsing it again for every token would cost more than the signature.

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use serde::Serialize;
use zeroize::Zeroizing;

/// Why a key can't be used. Never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not PKCS#8 PEM of the algorithm that the file's name says.
    #[error("it is not a PKCS#8 PEM file with a private key for {0:?}")]
    Invalid(Algorithm),
    /// The cryptographic library refused.
    #[error("the cryptographic library failed")]
    Crypto,
    /// Claims that can't be written as JSON.
    #[error("the claims can't be written as JSON")]
    Claims,
}

enum Pair {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

/// A private key with its public form and the instant at which it becomes active.
pub struct SigningKey {
    pair: Pair,
    /// The public key (RFC 7517), with `kid`, `use` and `alg`.
    pub jwk: Jwk,
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// ES256 or RS256.
    pub algorithm: Algorithm,
    /// From this instant on the key signs, until the next one does.
    pub activates_at: DateTime<Utc>,
}

impl SigningKey {
    /// Parses a PKCS#8 PEM file.
    pub fn parse(pem: &str, algorithm: Algorithm, activates_at: DateTime<Utc>) -> Result<Self, KeyError> {
        let invalid = || KeyError::Invalid(algorithm);
        let der = pem_body(pem).ok_or_else(invalid)?;
        let (pair, encoding_key) = match algorithm {
            Algorithm::ES256 => (
                Pair::Es256(
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
                        .map_err(|_| invalid())?,
                ),
                EncodingKey::from_ec_pem(pem.as_bytes()),
            ),
            Algorithm::RS256 => (
                Pair::Rs256(RsaKeyPair::from_pkcs8(&der).map_err(|_| invalid())?),
                EncodingKey::from_rsa_pem(pem.as_bytes()),
            ),
            _ => return Err(invalid()),
        };
        let mut jwk = Jwk::from_encoding_key(&encoding_key.map_err(|_| invalid())?, algorithm)
            .map_err(|_| invalid())?;
        let kid = jwk
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(|_| KeyError::Crypto)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            pair,
            jwk,
            kid,
            algorithm,
            activates_at,
        })
    }

    /// The PEM text of a new key: P-256, or RSA with 2048 bits.
    pub fn generate_pem(algorithm: Algorithm) -> Result<Zeroizing<String>, KeyError> {
        let der = match algorithm {
            Algorithm::ES256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .and_then(|pair| pair.to_pkcs8v1())
                .map(|document| Zeroizing::new(document.as_ref().to_vec())),
            Algorithm::RS256 => RsaKeyPair::generate(KeySize::Rsa2048)
                .and_then(|pair| AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair))
                .map(|document| Zeroizing::new(document.as_ref().to_vec())),
            _ => return Err(KeyError::Invalid(algorithm)),
        };
        Ok(to_pem(&der.map_err(|_| KeyError::Crypto)?))
    }

    /// A compact JWS (RFC 7515 §3.1) over the claims, with `typ`, `alg` and `kid` in the header.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        let payload = serde_json::to_vec(claims).map_err(|_| KeyError::Claims)?;
        let header = format!(
            r#"{{"typ":"{typ}","alg":"{:?}","kid":"{}"}}"#,
            self.algorithm, self.kid
        );
        let mut token = String::with_capacity(2 * payload.len() + 512);
        URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Es256(pair) => {
                let signature = pair
                    .sign(&random, token.as_bytes())
                    .map_err(|_| KeyError::Crypto)?;
                token.push('.');
                URL_SAFE_NO_PAD.encode_string(signature, &mut token);
            }
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, token.as_bytes(), &mut signature)
                    .map_err(|_| KeyError::Crypto)?;
                token.push('.');
                URL_SAFE_NO_PAD.encode_string(signature, &mut token);
            }
        }
        Ok(token)
    }
}

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

fn pem_body(pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    let body: String = pem
        .trim()
        .strip_prefix(BEGIN)?
        .strip_suffix(END)?
        .split_whitespace()
        .collect();
    STANDARD
        .decode(Zeroizing::new(body).as_bytes())
        .ok()
        .map(Zeroizing::new)
}

fn to_pem(der: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(STANDARD.encode(der));
    let mut pem = Zeroizing::new(format!("{BEGIN}\n"));
    for (at, character) in encoded.char_indices() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str(&format!("\n{END}\n"));
    pem
}
