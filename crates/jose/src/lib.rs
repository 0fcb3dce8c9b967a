//! JWTs of other issuers (RFC 7515, RFC 7517, RFC 7519), parsed as strictly as RFC 8725 asks: JSON without repeated
//! members, compact JWS, public keys that are parsed once. Claims are validated by the caller. Our own tokens are
//! signed in `keystore`.

mod algorithm;
pub mod dpop;
pub mod jws;
pub mod public_key;
pub mod strict_json;

pub use jws::{Jws, JwsError};
pub use public_key::{PublicKey, UnfitKey};
