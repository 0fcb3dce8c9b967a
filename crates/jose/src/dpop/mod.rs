//! DPoP proofs (RFC 9449): a caller shows that it holds the key that a token is bound to. Reading and checking a proof, for the
//! token endpoint and for APIs alike. That a proof is used once is for the caller to see to, by [`Proof::digest`].

mod error;
mod proof;
mod target;

pub use error::ProofError;
pub use proof::{ALGORITHMS, LIFETIME_SECONDS, MAX_AHEAD_SECONDS, Proof, Request};

/// Whether a text is an http or https address that proofs can be for.
pub fn is_address(text: &str) -> bool {
    target::normalized(text).is_some()
}

/// The header that holds the proof (RFC 9449 §4.1).
pub const HEADER: &str = "dpop";
/// The header that offers a nonce (RFC 9449 §8).
pub const NONCE_HEADER: &str = "dpop-nonce";
/// How a bound token is presented (RFC 9449 §7.1), and what its answer calls it (§5).
pub const SCHEME: &str = "DPoP";
