//! The two databases behind one connection type: connecting, migrations, the schema, and stored forms of values.

pub mod connection;
pub(crate) mod connector;
pub(crate) mod folding;
pub(crate) mod ids;
pub(crate) mod insert;
pub(crate) mod migrations;
pub(crate) mod pepper_checks;
pub mod pepper_nodes;
pub mod pepper_use;
pub(crate) mod postgres;
pub(crate) mod resealing;
pub(crate) mod schema;
pub(crate) mod sessions;
