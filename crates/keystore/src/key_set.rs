//! All keys of a folder and the states that follow from their activation: published → active → retiring → removed.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::JwkSet;
use oauth2_types::algorithm::Algorithm;
use strum::VariantArray;

use crate::SigningKey;

/// How long validators may cache the key set.
pub const JWKS_MAX_AGE_SECONDS: i64 = 300;
/// A key stays published this long after its successor took over: the longest token life (24 h) and clock skew.
const RETIRING: TimeDelta = TimeDelta::seconds(86_400 + 300);

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// In the key set, not signing yet.
    Published,
    /// Signing.
    Active,
    /// Not signing any more; tokens that it signed may still live.
    Retiring,
    /// No longer in the key set.
    Removed,
}

/// Keys in the order of their activation.
pub struct KeySet {
    keys: Vec<SigningKey>,
}

impl KeySet {
    pub(crate) fn new(mut keys: Vec<SigningKey>) -> Self {
        keys.sort_by_key(|key| key.activates_at);
        Self { keys }
    }

    /// The key that signs now; the first one also before its instant, for a clock that was set back.
    pub fn active(&self, algorithm: Algorithm, now: DateTime<Utc>) -> Option<&SigningKey> {
        let mut own = self.keys.iter().filter(|key| key.algorithm == algorithm);
        let first = own.next()?;
        own.rfind(|key| key.activates_at <= now).or(Some(first))
    }

    /// The algorithms that there is a key of, each once.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let known = Algorithm::VARIANTS.iter().copied();
        known
            .filter(|algorithm| self.keys.iter().any(|key| key.algorithm == *algorithm))
            .collect()
    }

    /// The key set as published (RFC 7517 §5): public members only.
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
        self.keys.iter().map(move |key| (key, self.state(key, now)))
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
