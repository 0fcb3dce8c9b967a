//! Deterministic ids: queueing the same mail twice yields the same id, and retries keep the Message-ID.

use ring::digest::{SHA256, digest};
use uuid::{Builder, Uuid};

/// A UUID of version 8 (RFC 9562 §5.8) from SHA-256 over the parts.
pub(crate) fn stable_id(parts: &[&str]) -> Uuid {
    let text: String = parts
        .iter()
        .map(|part| format!("{}:{part}", part.len()))
        .collect();
    let hash = digest(&SHA256, text.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_borders_between_parts_count() {
        assert_eq!(stable_id(&["ab", "c"]), stable_id(&["ab", "c"]));
        assert_ne!(stable_id(&["ab", "c"]), stable_id(&["a", "bc"]));
    }
}
