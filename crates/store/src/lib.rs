//! Storage: SQLite and Postgres behind one [`Store`], and the client cache under a lease from which the token path
//! answers. Nothing outside this crate names diesel.

pub mod audit;
pub mod backup;
mod clients;
mod database;
mod directory;
mod error;
pub mod figures;
pub mod journal;
pub mod outbox;
mod people;
pub mod refusals;
pub mod retention;
mod secrets;
mod store;
mod tally;
pub mod turns;

pub use clients::{
    lookup::{ClientStanding, MatchedSecret, TokenStatus},
    memory,
    nodes::{ServerState, Standbys},
    revocations::TokenReference,
    revoked_keys, usage,
    usage_profiles::SeenNetwork,
};
pub use database::{
    connection::{self, DatabaseUrl},
    pepper_nodes, pepper_use,
    resealing::Resealed,
};
pub use directory::{
    applications, managers, networks,
    pages::{Page, pattern},
    resource_servers::{NewResourceServer, ResourceServerView},
    resources::ResourceChange,
};
pub use error::StoreError;
pub use outbox::{
    failed_mails,
    mails::{self, Notice},
    webhook_deliveries, webhooks,
};
pub use people::{accounts, enrolments, sessions, sign_in_attempts, users};
pub use secrets::{
    attention,
    client_secrets::{self, NewClientSecret, NewProof},
    leaks, reports, rotation, secret_facts,
};
pub use store::{Connections, Store};
pub use tally::Counted;
