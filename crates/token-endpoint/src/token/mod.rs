//! The token endpoints: one handler over three dialects, each in a file; issuing, DPoP.

pub(crate) mod dialect;
pub(crate) mod endpoint;
pub(crate) mod entra;
pub(crate) mod entra_v1;
pub(crate) mod entra_v2;
pub(crate) mod issuing;
mod nonce;
mod proof;
pub(crate) mod request;
pub(crate) mod rfc9068;
pub(crate) mod secret_expiry;
