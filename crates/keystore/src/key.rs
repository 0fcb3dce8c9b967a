//! A signing key: its private key, its public JWK, and signing.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use oauth2_types::algorithm::Algorithm;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{encryption, encryption::Passphrase, pair::Pair};

/// Why a key can't be used. Never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not PKCS#8 PEM of the algorithm in the file's name.
    #[error("it is not a PKCS#8 PEM file with a private key for {0}")]
    Invalid(Algorithm),
    /// Encrypted, but no passphrase is configured.
    #[error("it is encrypted, and keys.passphrase_file is not set")]
    Encrypted,
    /// Encrypted under another passphrase, or by an unsupported scheme.
    #[error("the passphrase in keys.passphrase_file does not open it")]
    Passphrase,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Crypto,
    /// The claims can't be serialised as JSON.
    #[error("the claims can't be written as JSON")]
    Claims,
}

/// Preallocated bytes: for the claims, and for an encoded signature by an RSA key of 4,096 bits and the dots.
const USUAL_PAYLOAD: usize = 1024;
const LONGEST_SIGNATURE: usize = 700;

/// A private key with its public JWK and activation time.
pub struct SigningKey {
    pair: Pair,
    /// The JOSE header after the value of `typ`.
    header: String,
    /// The public key (RFC 7517), with `kid`, `use` and `alg`.
    pub jwk: Jwk,
    /// The RFC 7638 thumbprint.
    pub kid: String,
    /// The signing algorithm.
    pub algorithm: Algorithm,
    /// From this instant on the key signs, until its successor does.
    pub activates_at: DateTime<Utc>,
}

impl SigningKey {
    /// Parses a PKCS#8 PEM file.
    pub fn parse(pem: &str, algorithm: Algorithm, activates_at: DateTime<Utc>) -> Result<Self, KeyError> {
        let invalid = || KeyError::Invalid(algorithm);
        let der = pem_body(pem).ok_or_else(invalid)?;
        let pair = Pair::parse(algorithm, &der).map_err(|_| invalid())?;
        let mut jwk = Pair::encoding_key(algorithm, pem.as_bytes())
            .and_then(|key| Jwk::from_encoding_key(&key, algorithm.into()))
            .map_err(|_| invalid())?;
        let kid = jwk
            .thumbprint(ThumbprintHash::SHA256)
            .map_err(|_| KeyError::Crypto)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            pair,
            header: format!(r#"","alg":"{algorithm}","kid":"{kid}"}}"#),
            jwk,
            kid,
            algorithm,
            activates_at,
        })
    }

    /// Generates a key; returns its PEM.
    pub fn generate_pem(algorithm: Algorithm) -> Result<Zeroizing<String>, KeyError> {
        Ok(to_pem(
            PRIVATE,
            &Pair::generate(algorithm).map_err(|_| KeyError::Crypto)?,
        ))
    }

    /// Signs the claims as a compact JWS (RFC 7515 §3.1), with `typ`, `alg` and `kid` in the header.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, KeyError> {
        let mut payload = Vec::with_capacity(USUAL_PAYLOAD);
        serde_json::to_writer(&mut payload, claims).map_err(|_| KeyError::Claims)?;
        let header = [r#"{"typ":""#, typ, &self.header].concat();
        let mut token = String::with_capacity(4 * (header.len() + payload.len()) / 3 + LONGEST_SIGNATURE);
        URL_SAFE_NO_PAD.encode_string(header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = self.pair.sign(token.as_bytes()).map_err(|_| KeyError::Crypto)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

/// PEM labels (RFC 7468 §10 and §11).
const PRIVATE: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

pub(crate) fn is_encrypted(pem: &str) -> bool {
    labelled_body(ENCRYPTED, pem).is_some()
}

/// The PEM, decrypted if necessary.
pub(crate) fn opened(
    pem: Zeroizing<String>,
    passphrase: Option<&Passphrase>,
) -> Result<Zeroizing<String>, KeyError> {
    let Some(encrypted) = labelled_body(ENCRYPTED, &pem) else {
        return Ok(pem);
    };
    let passphrase = passphrase.ok_or(KeyError::Encrypted)?;
    let der = encryption::decrypt(&encrypted, passphrase).ok_or(KeyError::Passphrase)?;
    Ok(to_pem(PRIVATE, &der))
}

/// The PEM, encrypted with a passphrase.
pub(crate) fn closed(pem: &str, passphrase: &Passphrase) -> Result<Zeroizing<String>, KeyError> {
    let der = pem_body(pem).ok_or(KeyError::Crypto)?;
    let encrypted = encryption::encrypt(&der, passphrase).map_err(|_| KeyError::Crypto)?;
    Ok(to_pem(ENCRYPTED, &encrypted))
}

fn pem_body(pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    labelled_body(PRIVATE, pem)
}

fn labelled_body(label: &str, pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    let body: String = pem
        .trim()
        .strip_prefix(&format!("-----BEGIN {label}-----"))?
        .strip_suffix(&format!("-----END {label}-----"))?
        .split_whitespace()
        .collect();
    STANDARD
        .decode(Zeroizing::new(body).as_bytes())
        .ok()
        .map(Zeroizing::new)
}

fn to_pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let encoded = Zeroizing::new(STANDARD.encode(der));
    let mut pem = Zeroizing::new(format!("-----BEGIN {label}-----\n"));
    for (at, character) in encoded.char_indices() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str(&format!("\n-----END {label}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 8037 appendix A.1 to A.4: the key, its public JWK, its thumbprint, and a signature.
    #[test]
    fn m03_an_ed25519_key_is_published_and_signs_as_rfc_8037_shows() {
        let der = [
            &[
                0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
                0x20,
            ][..],
            &URL_SAFE_NO_PAD
                .decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
                .unwrap(),
        ]
        .concat();
        let key = SigningKey::parse(&to_pem(PRIVATE, &der), Algorithm::EdDSA, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(
            serde_json::to_value(&key.jwk).unwrap(),
            json!({
                "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "use": "sig", "alg": "EdDSA", "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            })
        );
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        assert_eq!(
            URL_SAFE_NO_PAD.encode(key.pair.sign(signed.as_bytes()).unwrap()),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn y02_a_file_with_a_key_of_another_algorithm_is_refused() {
        let pem = SigningKey::generate_pem(Algorithm::EdDSA).unwrap();
        for other in [Algorithm::ES256, Algorithm::RS256, Algorithm::PS256] {
            let error = SigningKey::parse(&pem, other, DateTime::UNIX_EPOCH)
                .err()
                .unwrap();
            assert!(error.to_string().ends_with(other.name()), "{error}");
        }
    }
}
