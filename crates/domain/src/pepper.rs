//! The pepper: the key under which secrets are stored as HMAC-SHA-256. It has versions, so that it can be replaced
//! without invalidating what was stored under the previous one.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::SecureRandom,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    audit::AuditKey,
    random::{self, NoRandomness},
};

/// The stored form of a secret.
pub type Digest = [u8; 32];
const MIN_LENGTH: usize = 32;
const AUDIT: &str = "audit";
const CHECK_TEXT: &[u8] = b"wmda-auth pepper check";

/// Why a pepper file cannot be used. Never holds its contents.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PepperError {
    /// No line at all.
    #[error("it is empty")]
    Empty,
    /// A line that is not `<version> <base64>`.
    #[error("line {0} is not `<version> <base64>`")]
    Malformed(usize),
    /// Fewer than 32 bytes.
    #[error("line {0} holds fewer than 32 bytes")]
    Short(usize),
    /// The same version twice.
    #[error("line {0} repeats a version")]
    Repeated(usize),
}

/// All versions of the pepper.
pub struct Pepper {
    versions: BTreeMap<i32, hmac::Key>,
    current: i32,
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper(version {})", self.current)
    }
}

impl Pepper {
    /// Reads `<version> <base64 of at least 32 bytes>` lines; `#` begins a comment line.
    pub fn parse(text: &str) -> Result<Self, PepperError> {
        let mut versions = BTreeMap::new();
        for (line, number) in text.lines().zip(1..) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (version, key) = parse_line(line, number)?;
            if versions.insert(version, key).is_some() {
                return Err(PepperError::Repeated(number));
            }
        }
        let current = *versions.keys().next_back().ok_or(PepperError::Empty)?;
        Ok(Self { versions, current })
    }

    /// The text of a new pepper file, version 1.
    pub fn generate(random: &dyn SecureRandom) -> Result<Zeroizing<String>, NoRandomness> {
        let bytes = Zeroizing::new(random::bytes::<32>(random)?);
        Ok(Zeroizing::new(format!("1 {}\n", STANDARD.encode(*bytes))))
    }

    /// The version that new secrets are stored under, and the digest.
    pub fn digest(&self, client_id: Uuid, secret: &str) -> (i32, Digest) {
        (
            self.current,
            self.digest_under(&self.versions[&self.current], client_id, secret),
        )
    }

    /// The digests under every version: the work does not depend on which one matches.
    pub fn digests(&self, client_id: Uuid, secret: &str) -> Vec<Digest> {
        self.versions
            .values()
            .map(|key| self.digest_under(key, client_id, secret))
            .collect()
    }

    /// What the database keeps to recognise each version by: a wrong pepper is noticed at start.
    pub fn check_values(&self) -> impl Iterator<Item = (i32, Digest)> + '_ {
        self.versions
            .iter()
            .map(|(version, key)| (*version, finish(hmac::sign(key, CHECK_TEXT))))
    }

    /// The current version's key of the audit trail.
    pub fn current_audit_key(&self) -> AuditKey {
        let key = self.derived(&self.versions[&self.current], AUDIT);
        AuditKey {
            version: self.current,
            key,
        }
    }

    /// The key of the audit trail under a version, if the pepper still has that.
    pub fn audit_key(&self, version: i32) -> Option<AuditKey> {
        let key = self.derived(self.versions.get(&version)?, AUDIT);
        Some(AuditKey { version, key })
    }

    /// HMAC-SHA-256 of a text for one purpose, under the current version: tags that only this service can make.
    pub fn tag(&self, purpose: &str, text: &[u8]) -> Digest {
        let key = self.derived(&self.versions[&self.current], purpose);
        finish(hmac::sign(&key, text))
    }

    /// Encrypts what must be read again, such as a TOTP secret; `owner` is bound to it (AES-256-GCM, random nonce).
    pub fn seal(&self, owner: Uuid, text: &[u8], random: &dyn SecureRandom) -> Result<Vec<u8>, NoRandomness> {
        let nonce = random::bytes::<NONCE_LEN>(random)?;
        let mut sealed = text.to_vec();
        let key = self.sealing_key(self.current).ok_or(NoRandomness)?;
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(owner.as_bytes()),
            &mut sealed,
        )
        .map_err(|_| NoRandomness)?;
        Ok([&self.current.to_be_bytes()[..], &nonce, &sealed].concat())
    }

    /// Decrypts; `None` when it was sealed for somebody else, under an unknown version, or was altered.
    pub fn open(&self, owner: Uuid, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (version, rest) = sealed.split_first_chunk::<4>()?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
        let key = self.sealing_key(i32::from_be_bytes(*version))?;
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = key
            .open_in_place(nonce, Aad::from(owner.as_bytes()), &mut text)
            .ok()?
            .len();
        text.truncate(length);
        Some(text)
    }

    fn sealing_key(&self, version: i32) -> Option<LessSafeKey> {
        let bytes = hmac::sign(self.versions.get(&version)?, b"wmda-auth seal");
        Some(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, bytes.as_ref()).ok()?,
        ))
    }

    fn derived(&self, key: &hmac::Key, purpose: &str) -> hmac::Key {
        let text = ["wmda-auth ", purpose].concat();
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(key, text.as_bytes()).as_ref())
    }

    fn digest_under(&self, key: &hmac::Key, client_id: Uuid, secret: &str) -> Digest {
        let mut context = hmac::Context::with_key(key);
        context.update(client_id.as_bytes());
        context.update(secret.as_bytes());
        finish(context.sign())
    }
}

fn parse_line(line: &str, number: usize) -> Result<(i32, hmac::Key), PepperError> {
    let malformed = PepperError::Malformed(number);
    let Some((version, encoded)) = line.trim().split_once(' ') else {
        return Err(malformed);
    };
    let Ok(version) = version.parse() else {
        return Err(malformed);
    };
    let bytes = Zeroizing::new(STANDARD.decode(encoded.trim()).map_err(|_| malformed)?);
    if bytes.len() < MIN_LENGTH {
        return Err(PepperError::Short(number));
    }
    Ok((version, hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
}

pub(crate) fn finish(tag: hmac::Tag) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(tag.as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn y02_short_empty_and_malformed_peppers_are_refused() {
        assert_eq!(Pepper::parse("").err(), Some(PepperError::Empty));
        assert_eq!(Pepper::parse("1").err(), Some(PepperError::Malformed(1)));
        assert_eq!(Pepper::parse("1 !").err(), Some(PepperError::Malformed(1)));
        assert_eq!(Pepper::parse("1 c2hvcnQ=").err(), Some(PepperError::Short(1)));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test brings its own randomness")]
    fn what_is_sealed_opens_for_its_owner_only() {
        let random = ring::rand::SystemRandom::new();
        let old = Pepper::generate(&random).unwrap();
        let sealed = Pepper::parse(&old)
            .unwrap()
            .seal(Uuid::from_u128(1), b"seed", &random)
            .unwrap();
        let both = format!("{}2 {}", *old, STANDARD.encode([9; 32]));
        let pepper = Pepper::parse(&both).unwrap();
        let opened = pepper.open(Uuid::from_u128(1), &sealed).unwrap();
        assert_eq!(opened.as_slice(), b"seed");
        assert!(pepper.open(Uuid::from_u128(2), &sealed).is_none());
        let mut altered = sealed;
        altered[20] ^= 1;
        assert!(pepper.open(Uuid::from_u128(1), &altered).is_none());
        assert!(pepper.open(Uuid::from_u128(1), b"short").is_none());
    }

    #[test]
    fn y01_the_digest_is_hmac_sha256_of_client_id_and_secret() {
        let key = [0x0b; 32];
        let pepper = Pepper::parse(&format!("3 {}", STANDARD.encode(key))).unwrap();
        let id = Uuid::from_u128(1);
        let expected = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, &key),
            &[id.as_bytes().as_slice(), b"secret"].concat(),
        );
        let (version, digest) = pepper.digest(id, "secret");
        assert_eq!((version, digest.as_slice()), (3, expected.as_ref()));
        assert_eq!(pepper.digests(id, "secret"), [digest]);
    }
}
