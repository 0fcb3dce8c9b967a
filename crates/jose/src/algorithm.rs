//! Names of algorithms in headers and JWKs.

use oauth2_types::algorithm::Algorithm;

/// The algorithm with this name in a header or a JWK. `Ed25519` is RFC 9864 §2.2's name for EdDSA with the only
/// accepted curve.
pub(crate) fn named(name: &str) -> Option<Algorithm> {
    match name {
        "Ed25519" => Some(Algorithm::EdDSA),
        name => name.parse().ok(),
    }
}
