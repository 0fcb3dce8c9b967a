//! Storage: SQLite and Postgres behind one [`Store`], and the memory under a lease that the token path answers from.
//! Nothing outside this crate names diesel.

pub mod connection;
mod error;
pub mod memory;
mod migrations;
mod queries;
mod schema;
mod store;
pub mod usage;

pub use connection::DatabaseUrl;
pub use error::StoreError;
pub use queries::{DeletedOutcome, NewClientSecret};
pub use store::Store;
