//! Storage: SQLite and Postgres behind one [`Store`], and the memory under a lease that the token path answers from.
//! Nothing outside this crate names diesel.

pub mod applications;
pub mod attention;
pub mod audit;
mod changes;
pub mod client_secrets;
mod clients;
pub mod connection;
pub mod enrolments;
mod error;
mod ids;
mod late_use;
pub mod mails;
pub mod managers;
pub mod memory;
mod migrations;
mod notifications;
mod organisations;
pub mod outbox;
mod pages;
mod pepper_checks;
mod preferences;
mod resource_servers;
mod resources;
mod revocations;
mod schema;
pub mod secret_facts;
pub mod sessions;
mod stable_ids;
mod store;
pub mod usage;
pub mod users;
pub mod webhook_deliveries;
pub mod webhooks;

pub use client_secrets::NewClientSecret;
pub use connection::DatabaseUrl;
pub use error::StoreError;
pub use pages::Page;
pub use resource_servers::{NewResourceServer, ResourceServerView};
pub use resources::ResourceChange;
pub use revocations::TokenReference;
pub use store::Store;
