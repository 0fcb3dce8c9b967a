//! The token path: clients looked up, in memory under a lease; the use of their secrets; the tokens that have ended.

pub(crate) mod changes;
pub(crate) mod late_use;
pub(crate) mod lookup;
pub mod memory;
pub mod revocations;
pub mod usage;
