//! Digests by HMAC-SHA-256.

use ring::hmac;

/// The stored digest of a secret.
pub type Digest = [u8; 32];

pub(crate) fn finish(tag: hmac::Tag) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(tag.as_ref());
    digest
}
