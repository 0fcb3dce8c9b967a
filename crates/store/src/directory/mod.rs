//! What the WMDA team registers: organisations, applications and their managers, resources, resource servers.

pub mod applications;
pub mod managers;
pub mod names;
pub mod networks;
pub(crate) mod organisations;
pub mod pages;
pub(crate) mod policies;
pub mod resource_servers;
pub mod resources;
