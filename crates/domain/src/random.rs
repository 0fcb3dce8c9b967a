//! Random bytes and identifiers from a given random source.

use std::sync::{Arc, Mutex, PoisonError};

use ring::rand::SecureRandom;
use uuid::Uuid;

/// The random source failed.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness;

/// Fills an array with random bytes.
pub fn bytes<const N: usize>(random: &dyn SecureRandom) -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    random.fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A random UUID, version 4 (RFC 9562 §5.4).
pub fn uuid(random: &dyn SecureRandom) -> Result<Uuid, NoRandomness> {
    Ok(uuid::Builder::from_random_bytes(bytes(random)?).into_uuid())
}

/// UUIDs per call to the random source.
const AT_ONCE: usize = 64;

/// Random UUIDs in batches: a system call for each would dominate the cost of a token.
pub struct Uuids {
    random: Arc<dyn SecureRandom + Send + Sync>,
    waiting: Mutex<Vec<Uuid>>,
}

impl Uuids {
    /// With a random source.
    pub fn new(random: Arc<dyn SecureRandom + Send + Sync>) -> Self {
        let waiting = Mutex::default();
        Self { random, waiting }
    }

    /// The next UUID; none is returned twice.
    pub fn next(&self) -> Result<Uuid, NoRandomness> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_empty() {
            let bytes: [u8; 16 * AT_ONCE] = bytes(&*self.random)?;
            let (chunks, _) = bytes.as_chunks();
            let uuid = |bytes: &[u8; 16]| uuid::Builder::from_random_bytes(*bytes).into_uuid();
            waiting.extend(chunks.iter().map(uuid));
        }
        waiting.pop().ok_or(NoRandomness)
    }
}
