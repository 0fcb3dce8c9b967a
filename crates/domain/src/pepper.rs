//! The pepper: the HMAC-SHA-256 key under which secrets are stored. It has versions, so that it can be rotated
//! without invalidating what is stored under earlier ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

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
    digest::{Digest, finish},
    random::{self, NoRandomness},
};

const MIN_LENGTH: usize = 32;
const AUDIT: &str = "audit";
const CHECK_TEXT: &[u8] = b"wmda-auth pepper check";

/// Why a pepper file can't be used. Never holds its contents.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PepperError {
    /// No version.
    #[error("it is empty")]
    Empty,
    /// The line is not `<version> <base64>`.
    #[error("line {0} is not `<version> <base64>`")]
    Malformed(usize),
    /// The key has fewer than 32 bytes.
    #[error("line {0} holds fewer than 32 bytes")]
    Short(usize),
    /// The version is repeated.
    #[error("line {0} repeats a version")]
    Repeated(usize),
}

/// Purposes of derived keys that must survive the removal of their pepper version: audit trail, recovery codes, and
/// unsubscribe links in mails that people keep.
pub const SURVIVING_PURPOSES: [&str; 3] = [AUDIT, "recovery code", "unsubscribe"];

/// All versions of the pepper. The database decides which one is active ([`Pepper::activate`]); by default the
/// highest is.
pub struct Pepper {
    versions: RwLock<Arc<Versions>>,
    behind: AtomicBool,
}

#[derive(Clone)]
struct Versions {
    keys: BTreeMap<i32, hmac::Key>,
    /// Surviving derived keys of removed versions, by version and purpose.
    survivors: BTreeMap<(i32, String), hmac::Key>,
    active: i32,
}

impl Versions {
    /// All keys, the active version's first.
    fn keys(&self) -> impl Iterator<Item = &hmac::Key> {
        let others = self.keys.iter().filter(|(version, _)| **version != self.active);
        let active = self.keys.get(&self.active);
        active.into_iter().chain(others.map(|(_, key)| key))
    }

    /// The key derived for a purpose from a version, or its survivor.
    fn derived(&self, version: i32, purpose: &str) -> Option<hmac::Key> {
        let survivor = || self.survivors.get(&(version, purpose.to_owned())).cloned();
        let key = self.keys.get(&version);
        key.map(|key| hmac::Key::new(hmac::HMAC_SHA256, &*derive(key, purpose)))
            .or_else(survivor)
    }

    /// All versions but the active one that are present or have a survivor for this purpose.
    fn others(&self, purpose: &str) -> BTreeSet<i32> {
        let gone = self.survivors.keys().filter(|(_, own)| own == purpose);
        let all = self.keys.keys().chain(gone.map(|(version, _)| version));
        all.copied().filter(|version| *version != self.active).collect()
    }

    fn sealing_key(&self, version: i32) -> Option<LessSafeKey> {
        let bytes = hmac::sign(self.keys.get(&version)?, b"wmda-auth seal");
        Some(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, bytes.as_ref()).ok()?,
        ))
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper(version {})", self.active())
    }
}

impl Pepper {
    /// Parses lines of `<version> <base64 of at least 32 bytes>`; `#` begins a comment.
    pub fn parse(text: &str) -> Result<Self, PepperError> {
        let mut keys = BTreeMap::new();
        for (line, number) in text.lines().zip(1..) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (version, key) = parse_line(line, number)?;
            if keys.insert(version, key).is_some() {
                return Err(PepperError::Repeated(number));
            }
        }
        let active = *keys.keys().next_back().ok_or(PepperError::Empty)?;
        let versions = Versions {
            keys,
            survivors: BTreeMap::new(),
            active,
        };
        Ok(Self {
            versions: RwLock::new(Arc::new(versions)),
            behind: AtomicBool::new(false),
        })
    }

    /// The text of a new pepper file, version 1.
    pub fn generate(random: &dyn SecureRandom) -> Result<Zeroizing<String>, NoRandomness> {
        Self::generate_line(1, random)
    }

    /// The line of a new version in the file.
    pub fn generate_line(version: i32, random: &dyn SecureRandom) -> Result<Zeroizing<String>, NoRandomness> {
        let bytes = Zeroizing::new(random::bytes::<32>(random)?);
        Ok(Zeroizing::new(format!("{version} {}\n", STANDARD.encode(*bytes))))
    }

    fn now(&self) -> Arc<Versions> {
        Arc::clone(&self.versions.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, versions: Versions) {
        *self.versions.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(versions);
    }

    /// The versions present.
    pub fn known(&self) -> Vec<i32> {
        self.now().keys.keys().copied().collect()
    }

    /// The active version, under which new values are stored.
    pub fn active(&self) -> i32 {
        self.now().active
    }

    /// Makes a version active; `false`, without effect, if it is unknown.
    pub fn activate(&self, version: i32) -> bool {
        let mut versions = Versions::clone(&self.now());
        versions.active = version;
        let known = versions.keys.contains_key(&version);
        if known {
            self.set(versions);
        }
        known
    }

    /// Replaces all versions and survivors by those of another pepper, for everybody who shares this one.
    pub fn become_like(&self, other: &Self) {
        self.set(Versions::clone(&other.now()));
        self.behind.store(false, Ordering::Release);
    }

    /// Whether other nodes use a version that is unknown here.
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Acquire)
    }

    /// Notes that other nodes use a version unknown here, whose values can't be read.
    pub fn fall_behind(&self) {
        self.behind.store(true, Ordering::Release);
    }

    /// The active version, and the digest of a secret under it.
    pub fn digest(&self, client_id: Uuid, secret: &str) -> (i32, Digest) {
        let versions = self.now();
        let key = &versions.keys[&versions.active];
        (versions.active, digest_under(key, client_id, secret))
    }

    /// The digests under every version, the active one's first: the work does not depend on which one matches.
    pub fn digests(&self, client_id: Uuid, secret: &str) -> Vec<Digest> {
        let versions = self.now();
        let digests = versions.keys().map(|key| digest_under(key, client_id, secret));
        digests.collect()
    }

    /// The check values that the database stores for each version to detect a wrong pepper at start-up.
    pub fn check_values(&self) -> Vec<(i32, Digest)> {
        let versions = self.now();
        let keys = versions.keys.iter();
        keys.map(|(version, key)| (*version, finish(hmac::sign(key, CHECK_TEXT))))
            .collect()
    }

    /// The active version's audit key, together with those of all other versions present or surviving.
    pub fn current_audit_key(&self) -> AuditKey {
        let versions = self.now();
        let active = &versions.keys[&versions.active];
        let others = versions.others(AUDIT).into_iter().filter_map(|version| {
            let key = versions.derived(version, AUDIT)?;
            Some(AuditKey {
                version,
                key,
                others: Vec::new(),
            })
        });
        AuditKey {
            version: versions.active,
            key: hmac::Key::new(hmac::HMAC_SHA256, &*derive(active, AUDIT)),
            others: others.collect(),
        }
    }

    /// Whether a version's audit key is present or survives.
    pub fn has_audit_key(&self, version: i32) -> bool {
        self.now().derived(version, AUDIT).is_some()
    }

    /// The key derived from a version for one of [`SURVIVING_PURPOSES`], sealed under the active version.
    pub fn seal_survivor(
        &self,
        (version, purpose): (i32, &str),
        random: &dyn SecureRandom,
    ) -> Result<Option<Vec<u8>>, NoRandomness> {
        let versions = self.now();
        let Some(key) = versions.keys.get(&version) else {
            return Ok(None);
        };
        let bytes = derive(key, purpose);
        self.seal(survivor(version, purpose), &*bytes, random).map(Some)
    }

    /// Loads a surviving key; `false` if it can't be opened.
    pub fn adopt(&self, (version, purpose): (i32, &str), sealed: &[u8]) -> bool {
        let Some(bytes) = self.open(survivor(version, purpose), sealed) else {
            return false;
        };
        let mut versions = Versions::clone(&self.now());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &bytes);
        versions.survivors.insert((version, purpose.to_owned()), key);
        self.set(versions);
        true
    }

    /// Re-encrypts a sealed value under the active version; `None` if it can't be opened.
    pub fn reseal(
        &self,
        owner: Uuid,
        sealed: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Option<Vec<u8>>, NoRandomness> {
        let opened = self.open(owner, sealed);
        opened.map(|text| self.seal(owner, &text, random)).transpose()
    }

    /// The same for a surviving key.
    pub fn reseal_survivor(
        &self,
        (version, purpose): (i32, &str),
        sealed: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Option<Vec<u8>>, NoRandomness> {
        self.reseal(survivor(version, purpose), sealed, random)
    }

    /// HMAC-SHA-256 of a text for one purpose, under the active version: an unforgeable tag.
    pub fn tag(&self, purpose: &str, text: &[u8]) -> Digest {
        let versions = self.now();
        let key = &versions.keys[&versions.active];
        tagged(&hmac::Key::new(hmac::HMAC_SHA256, &*derive(key, purpose)), text)
    }

    /// The tags under every version, the active one's first, to verify tags made under earlier versions.
    pub fn tags(&self, purpose: &str, text: &[u8]) -> Vec<Digest> {
        let versions = self.now();
        let derived = |key| tagged(&hmac::Key::new(hmac::HMAC_SHA256, &*derive(key, purpose)), text);
        let survivors = versions.survivors.iter();
        let gone =
            survivors.filter(|((version, own), _)| own == purpose && !versions.keys.contains_key(version));
        let gone = gone.map(|(_, key)| tagged(key, text));
        versions.keys().map(derived).chain(gone).collect()
    }

    /// Whether a tag is one of these, compared in constant time.
    pub fn is_among(&self, tag: &[u8], expected: &[Digest]) -> bool {
        let compared = |text: &[u8]| self.tag("compare", text);
        let tag = compared(tag);
        expected
            .iter()
            .fold(false, |found, one| found | (compared(one) == tag))
    }

    /// Encrypts what must be read again, such as a TOTP secret (AES-256-GCM, random nonce), with `owner` as
    /// associated data.
    pub fn seal(&self, owner: Uuid, text: &[u8], random: &dyn SecureRandom) -> Result<Vec<u8>, NoRandomness> {
        let nonce = random::bytes::<NONCE_LEN>(random)?;
        let mut sealed = text.to_vec();
        let versions = self.now();
        let key = versions.sealing_key(versions.active).ok_or(NoRandomness)?;
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(owner.as_bytes()),
            &mut sealed,
        )
        .map_err(|_| NoRandomness)?;
        Ok([&versions.active.to_be_bytes()[..], &nonce, &sealed].concat())
    }

    /// Decrypts; `None` if the owner differs, the version is unknown, or the value was altered.
    pub fn open(&self, owner: Uuid, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (version, rest) = sealed.split_first_chunk::<4>()?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
        let key = self.now().sealing_key(i32::from_be_bytes(*version))?;
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = key
            .open_in_place(nonce, Aad::from(owner.as_bytes()), &mut text)
            .ok()?
            .len();
        text.truncate(length);
        Some(text)
    }
}

/// The version prefix of sealed values.
pub fn sealed_under(version: i32) -> [u8; 4] {
    version.to_be_bytes()
}

/// Derives a purpose's key.
fn derive(key: &hmac::Key, purpose: &str) -> Zeroizing<Digest> {
    let text = ["wmda-auth ", purpose].concat();
    Zeroizing::new(finish(hmac::sign(key, text.as_bytes())))
}

fn tagged(key: &hmac::Key, text: &[u8]) -> Digest {
    finish(hmac::sign(key, text))
}

/// The owner under which a survivor is sealed.
fn survivor(version: i32, purpose: &str) -> Uuid {
    let mut bytes = [0; 16];
    let text = [&version.to_be_bytes()[..], purpose.as_bytes()].concat();
    bytes.iter_mut().zip(text).for_each(|(to, from)| *to = from);
    Uuid::from_bytes(bytes)
}

fn digest_under(key: &hmac::Key, client_id: Uuid, secret: &str) -> Digest {
    let mut context = hmac::Context::with_key(key);
    context.update(client_id.as_bytes());
    context.update(secret.as_bytes());
    finish(context.sign())
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

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test brings its own randomness")]
    fn a_version_is_known_before_it_is_used_and_leaves_behind_what_must_outlive_it() {
        let random = ring::rand::SystemRandom::new();
        let line = |version| Pepper::generate_line(version, &random).unwrap();
        let (one, two) = (line(1), line(2));
        let old = Pepper::parse(&one).unwrap();
        let both = Pepper::parse(&format!("{}{}", *one, *two)).unwrap();
        assert!(both.activate(1) && !both.activate(3));
        let id = Uuid::from_u128(1);
        assert_eq!(both.digest(id, "secret"), old.digest(id, "secret"));
        let code = old.tag("recovery code", b"abc");
        assert!(both.activate(2));
        assert_eq!(both.digests(id, "secret")[0], both.digest(id, "secret").1);
        assert_eq!(both.digests(id, "secret")[1], old.digest(id, "secret").1);
        assert_ne!(both.tag("recovery code", b"abc"), code);
        assert!(both.is_among(&code, &both.tags("recovery code", b"abc")));
        let new = Pepper::parse(&two).unwrap();
        assert!(!new.has_audit_key(1) && !new.is_among(&code, &new.tags("recovery code", b"abc")));
        for purpose in SURVIVING_PURPOSES {
            let sealed = both.seal_survivor((1, purpose), &random).unwrap().unwrap();
            assert!(new.adopt((1, purpose), &sealed));
            assert!(!new.adopt((2, purpose), &sealed) && !old.adopt((1, purpose), &sealed));
        }
        assert!(new.has_audit_key(1));
        assert!(new.is_among(&code, &new.tags("recovery code", b"abc")));
        let sealed = old.seal(id, b"seed", &random).unwrap();
        let again = both.reseal(id, &sealed, &random).unwrap().unwrap();
        assert_eq!(new.open(id, &again).unwrap().as_slice(), b"seed");
    }
}
