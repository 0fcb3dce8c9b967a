//! Random identifiers from a given source.

use ring::rand::SecureRandom;
use uuid::Uuid;

/// The operating system gave no random bytes.
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
