//! How others call the algorithms.

use oauth2_types::algorithm::Algorithm;

/// By its name in a header or a JWK. `Ed25519` is what RFC 9864 §2.2 calls EdDSA with the one curve that is accepted.
pub(crate) fn named(name: &str) -> Option<Algorithm> {
    match name {
        "Ed25519" => Some(Algorithm::EdDSA),
        name => name.parse().ok(),
    }
}
