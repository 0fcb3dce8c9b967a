//! DPoP proofs of possession (RFC 9449): a client proves that it holds the key to which a token is bound. Parsing and
//! checking, for the token endpoint and for APIs. Replay protection is the caller's, by [`Proof::digest`].

mod error;
mod proof;
mod target;

pub use error::ProofError;
pub use proof::{ALGORITHMS, LIFETIME_SECONDS, MAX_AHEAD_SECONDS, Proof, Request};

/// Whether a text is an http or https URI that can be a proof's `htu`.
pub fn is_address(text: &str) -> bool {
    target::normalized(text).is_some()
}

/// The request header with the proof (RFC 9449 §4.1).
pub const HEADER: &str = "dpop";
/// The response header with a nonce (RFC 9449 §8).
pub const NONCE_HEADER: &str = "dpop-nonce";
/// The authentication scheme (RFC 9449 §7.1) and `token_type` (§5) of a bound token.
pub const SCHEME: &str = "DPoP";
