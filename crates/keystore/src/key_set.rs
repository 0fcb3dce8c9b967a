//! All keys of a folder and their states, which follow from the activation times: published → active → retiring →
//! removed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::JwkSet;
use oauth2_types::algorithm::Algorithm;
use strum::VariantArray;

use crate::SigningKey;

/// The algorithms of which every server has a key; others get one on request.
pub const FIRST_ALGORITHMS: [Algorithm; 2] = [Algorithm::ES256, Algorithm::RS256];
/// How long validators may cache the JWKS.
pub const JWKS_MAX_AGE_SECONDS: i64 = 300;
/// How long a key stays published after its successor became active: the longest token lifetime (24 h) and clock
/// skew.
const RETIRING: TimeDelta = TimeDelta::seconds(86_400 + 300);

/// The state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// In the JWKS, not signing yet.
    Published,
    /// Signing.
    Active,
    /// No longer signing; its tokens may still be valid.
    Retiring,
    /// No longer in the JWKS.
    Removed,
}

/// A file's stamp for change detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) inode: u64,
    pub(crate) length: u64,
    /// The last change of contents or mode: seconds and nanoseconds.
    pub(crate) changed: (i64, i64),
}

/// The key of a file; without stamp if the file became invalid and the key is the previous one.
pub(crate) type Held = (Option<Stamp>, Arc<SigningKey>);

/// Keys in the order of their activation times.
#[derive(Clone, Default)]
pub struct KeySet {
    keys: Vec<Arc<SigningKey>>,
    pub(crate) files: BTreeMap<PathBuf, Held>,
    /// Every file that was examined, invalid ones too.
    pub(crate) seen: BTreeMap<PathBuf, Option<Stamp>>,
    pub(crate) problems: Vec<String>,
    revoked: BTreeSet<String>,
}

impl KeySet {
    #[cfg(test)]
    pub(crate) fn new(keys: Vec<SigningKey>) -> Self {
        let mut set = Self::default();
        keys.into_iter().for_each(|key| set.add(key));
        set
    }

    /// The set with its file keys replaced.
    pub(crate) fn with_files(&self, files: BTreeMap<PathBuf, Held>, problems: Vec<String>) -> Self {
        let mut set = Self {
            keys: files.values().map(|(_, key)| Arc::clone(key)).collect(),
            files,
            problems,
            ..Self::default()
        };
        set.keys.sort_by_key(|key| key.activates_at);
        set.without(self.revoked.clone())
    }

    /// Adds a key without a file.
    pub fn add(&mut self, key: SigningKey) {
        self.keys.push(Arc::new(key));
        self.keys.sort_by_key(|key| key.activates_at);
    }

    /// The set without revoked keys, now and after a reload: these sign nothing, verify nothing, and are not
    /// published.
    pub fn without(mut self, revoked: BTreeSet<String>) -> Self {
        self.keys.retain(|key| !revoked.contains(&key.kid));
        self.revoked = revoked;
        self
    }

    /// Whether it has a key with this `kid`.
    pub fn has(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid == kid)
    }

    /// Files that were skipped because they hold no usable key.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// An algorithm whose active key is required but missing: one of [`FIRST_ALGORITHMS`] or the server's default.
    pub fn lacks(&self, now: DateTime<Utc>, default: Algorithm) -> Option<Algorithm> {
        let mut needed = FIRST_ALGORITHMS.into_iter().chain([default]);
        needed.find(|algorithm| self.active(*algorithm, now).is_none())
    }

    /// The active key; before the first activation time the first one, in case a clock was set back.
    pub fn active(&self, algorithm: Algorithm, now: DateTime<Utc>) -> Option<&SigningKey> {
        let mut own = self
            .keys
            .iter()
            .map(AsRef::as_ref)
            .filter(|key| key.algorithm == algorithm);
        let first = own.next()?;
        own.rfind(|key| key.activates_at <= now).or(Some(first))
    }

    /// The algorithms of which there is a key, each once.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let known = Algorithm::VARIANTS.iter().copied();
        known
            .filter(|algorithm| self.keys.iter().any(|key| key.algorithm == *algorithm))
            .collect()
    }

    /// The JWKS (RFC 7517 §5): public members only.
    pub fn jwks(&self, now: DateTime<Utc>) -> JwkSet {
        let published = self
            .keys
            .iter()
            .filter(|key| self.state(key, now) != KeyState::Removed);
        JwkSet {
            keys: published.map(|key| key.jwk.clone()).collect(),
        }
    }

    /// Every key with its state.
    pub fn states(&self, now: DateTime<Utc>) -> impl Iterator<Item = (&SigningKey, KeyState)> {
        self.keys.iter().map(move |key| (&**key, self.state(key, now)))
    }

    fn state(&self, key: &SigningKey, now: DateTime<Utc>) -> KeyState {
        let successor = self
            .keys
            .iter()
            .find(|next| next.algorithm == key.algorithm && next.activates_at > key.activates_at);
        let is_first = || {
            let mut own = self.keys.iter().filter(|one| one.algorithm == key.algorithm);
            own.next().is_some_and(|first| first.kid == key.kid)
        };
        match successor.map(|next| next.activates_at) {
            _ if key.activates_at > now && !is_first() => KeyState::Published,
            Some(replaced_at) if replaced_at + RETIRING <= now => KeyState::Removed,
            Some(replaced_at) if replaced_at <= now => KeyState::Retiring,
            _ => KeyState::Active,
        }
    }
}
