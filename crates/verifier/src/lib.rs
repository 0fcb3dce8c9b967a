#![doc = include_str!("../README.md")]

#[cfg(feature = "actix")]
mod actix;
mod claims;
mod clock;
mod fetch;
mod issuer;
mod jws;
mod keys;
mod rejection;
mod status;
mod used_proofs;
mod verifier;

#[cfg(feature = "actix")]
pub use actix::Denied;
pub use claims::VerifiedToken;
pub use clock::{Clock, SystemClock};
pub use fetch::{Fetch, FetchError, Fetching, HttpFetch};
pub use issuer::Issuer;
pub use jose::dpop::ProofError;
pub use oauth2_types::algorithm::Algorithm;
pub use rejection::Rejection;
pub use verifier::{MAX_SKEW_SECONDS, ProvenRequest, Settings, SettingsError, StatusPolicy, Verifier};
