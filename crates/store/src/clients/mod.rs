//! The token path: client look-up, the client cache under a lease, usage of credentials, revoked tokens and signing
//! keys.

pub(crate) mod changes;
pub(crate) mod heartbeats;
pub(crate) mod late_use;
pub(crate) mod lookup;
pub mod memory;
pub mod nodes;
mod published_keys;
pub(crate) mod rehashes;
pub mod revocations;
pub mod revoked_keys;
pub mod usage;
pub(crate) mod usage_profiles;
mod used_assertions;
