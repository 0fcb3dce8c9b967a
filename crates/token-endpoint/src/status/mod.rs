//! The status of issued tokens: status list, introspection, revocation.

pub(crate) mod index;
pub(crate) mod introspection;
pub(crate) mod list;
pub(crate) mod own_token;
pub(crate) mod request;
pub(crate) mod revocation;
