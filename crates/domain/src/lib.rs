//! Clients, secrets, organisations, resources and the rules between them. No I/O: time and randomness are
//! arguments, storage lives in `store`, HTTP in `token-endpoint`.

pub mod application;
pub mod authentication;
pub mod client;
pub mod clock;
pub mod organisation;
pub mod pepper;
pub mod random;
pub mod resource;
pub mod secret;

pub use clock::Clock;
