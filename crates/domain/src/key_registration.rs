//! Registration of a public key: as a JWK, or a PEM with a public key or a certificate.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jose::{PublicKey, UnfitKey};
use ring::digest;
use serde_json::{Map, Value};
use x509_parser::{
    certificate::X509Certificate, pem::Pem, prelude::FromDer, public_key::PublicKey as Holds,
    x509::SubjectPublicKeyInfo,
};

use crate::client_key::{CertificateThumbprints, RegisteredKey};

/// The longest `kid`.
const LONGEST_KID: usize = 120;
/// OID of Ed25519 in certificates and public keys (RFC 8410).
const ED25519: &str = "1.3.101.112";
/// OID of P-256 (RFC 5480).
const P256: &str = "1.2.840.10045.3.1.7";

/// Why a key can't be registered. The texts give the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitRegistration {
    /// A private key, which this request has exposed.
    #[error(
        "this is a private key: it has left its owner and is burnt. Throw it away, make a new key pair on the machine that will use it, and send its public half only"
    )]
    Private,
    /// The key is unsuitable.
    #[error("{0}")]
    Key(UnfitKey),
    /// No PEM with a public key or a certificate.
    #[error("certificate must be one PEM block, BEGIN CERTIFICATE or BEGIN PUBLIC KEY")]
    Pem,
    /// The DER in the PEM is invalid.
    #[error("the certificate or public key in the PEM is malformed")]
    Der,
    /// More than one certificate.
    #[error("send one certificate, that of the application, without those of its authorities")]
    Several,
    /// The JWK's `kid` is invalid.
    #[error("kid must be a text of 1 to 120 printable characters")]
    Kid,
    /// The certificate has expired.
    #[error("the certificate has expired")]
    Expired,
    /// The certificate is not valid yet.
    #[error("the certificate is not valid yet")]
    NotYetValid,
}

impl From<UnfitKey> for UnfitRegistration {
    fn from(error: UnfitKey) -> Self {
        match error {
            UnfitKey::Private => Self::Private,
            other => Self::Key(other),
        }
    }
}

/// Whether a text contains a private key anywhere.
pub fn holds_private_key(text: &str) -> bool {
    text.contains("PRIVATE KEY-----")
}

/// Parses a JWK.
pub fn read_jwk(jwk: &Map<String, Value>) -> Result<RegisteredKey, UnfitRegistration> {
    let public = PublicKey::from_jwk(jwk)?;
    let kid = match jwk.get("kid") {
        None => public.thumbprint().to_owned(),
        Some(kid) => {
            let kid = kid.as_str().ok_or(UnfitRegistration::Kid)?;
            let short = !kid.is_empty() && kid.chars().count() <= LONGEST_KID;
            if !short || kid.chars().any(char::is_control) {
                return Err(UnfitRegistration::Kid);
            }
            kid.to_owned()
        }
    };
    Ok(RegisteredKey {
        public,
        kid,
        certificate: None,
    })
}

/// Parses a PEM; for a certificate also returns its expiry.
pub fn read_pem(
    text: &str,
    now: DateTime<Utc>,
) -> Result<(RegisteredKey, Option<DateTime<Utc>>), UnfitRegistration> {
    if holds_private_key(text) {
        return Err(UnfitRegistration::Private);
    }
    let mut blocks = Pem::iter_from_buffer(text.as_bytes());
    let Some(Ok(block)) = blocks.next() else {
        return Err(UnfitRegistration::Pem);
    };
    if blocks.next().is_some() {
        return Err(UnfitRegistration::Several);
    }
    match block.label.as_str() {
        "CERTIFICATE" => certified(&block.contents, now).map(|(key, ends_at)| (key, Some(ends_at))),
        "PUBLIC KEY" => {
            let public = public_key(&whole(SubjectPublicKeyInfo::from_der(&block.contents))?)?;
            let kid = public.thumbprint().to_owned();
            let key = RegisteredKey {
                public,
                kid,
                certificate: None,
            };
            Ok((key, None))
        }
        _ => Err(UnfitRegistration::Pem),
    }
}

fn certified(der: &[u8], now: DateTime<Utc>) -> Result<(RegisteredKey, DateTime<Utc>), UnfitRegistration> {
    let certificate = whole(X509Certificate::from_der(der))?;
    let time = |at: i64| DateTime::from_timestamp(at, 0).ok_or(UnfitRegistration::Der);
    let validity = certificate.validity();
    let (from, until) = (
        time(validity.not_before.timestamp())?,
        time(validity.not_after.timestamp())?,
    );
    if until <= now {
        return Err(UnfitRegistration::Expired);
    }
    if from > now {
        return Err(UnfitRegistration::NotYetValid);
    }
    let public = public_key(certificate.public_key())?;
    let hash = |algorithm| URL_SAFE_NO_PAD.encode(digest::digest(algorithm, der));
    let key = RegisteredKey {
        kid: public.thumbprint().to_owned(),
        public,
        certificate: Some(CertificateThumbprints {
            sha1: hash(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            sha256: hash(&digest::SHA256),
        }),
    };
    Ok((key, until))
}

/// The parsed value, if no bytes follow it.
fn whole<T, E>(read: Result<(&[u8], T), E>) -> Result<T, UnfitRegistration> {
    match read {
        Ok((&[], value)) => Ok(value),
        _ => Err(UnfitRegistration::Der),
    }
}

fn public_key(info: &SubjectPublicKeyInfo<'_>) -> Result<PublicKey, UnfitRegistration> {
    let kind = info.algorithm.algorithm.to_id_string();
    let bits = info.subject_public_key.data.as_ref();
    if kind == ED25519 {
        return Ok(PublicKey::ed25519(bits)?);
    }
    match info.parsed() {
        Ok(Holds::RSA(key)) => Ok(PublicKey::rsa(unsigned(key.modulus), unsigned(key.exponent))?),
        Ok(Holds::EC(_)) => {
            let curve = info
                .algorithm
                .parameters
                .as_ref()
                .and_then(|one| one.as_oid().ok());
            match (curve.map(|curve| curve.to_id_string()), bits) {
                (Some(curve), [4, point @ ..]) if curve == P256 && point.len() == 64 => {
                    Ok(PublicKey::p256(&point[..32], &point[32..])?)
                }
                (Some(curve), _) if curve == P256 => Err(UnfitKey::NotOnCurve.into()),
                _ => Err(UnfitKey::Kind.into()),
            }
        }
        _ => Err(UnfitKey::Kind.into()),
    }
}

/// Removes the zero that DER writes before a number whose first bit is set.
fn unsigned(number: &[u8]) -> &[u8] {
    match number {
        [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => rest,
        other => other,
    }
}
