//! From a token request to a signed token. The three token endpoints are one handler over three dialects, each a file.

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
