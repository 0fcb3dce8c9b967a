//! The collections of the REST API, a file each: request and response bodies, rules, routes.

pub mod applications;
pub mod attention;
pub mod audit_events;
pub mod federated_credentials;
pub mod grace;
pub mod keys;
pub mod managers;
pub mod networks;
pub mod organisations;
pub mod permissions;
pub mod policies;
pub mod refusals;
pub mod reports;
pub mod resource_servers;
pub mod resources;
pub mod secrets;
pub mod suspension;
pub mod users;
pub mod webhooks;
