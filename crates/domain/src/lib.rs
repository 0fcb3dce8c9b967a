//! Clients, credentials, organisations, resources and the rules between them. No I/O: time and randomness are
//! arguments, storage is in `store`, HTTP in `token-endpoint` and `management`.

pub mod application;
pub mod assertion;
pub mod audit;
pub mod audit_action;
pub mod authentication;
pub mod client;
pub mod client_key;
pub mod clock;
pub mod credential;
pub mod digest;
pub mod expiry;
pub mod federation;
pub mod key_place;
pub mod key_registration;
pub mod name;
pub mod networks;
pub mod organisation;
pub mod organisation_policy;
pub mod pepper;
pub mod policy;
pub mod profile;
pub mod random;
pub mod reminder;
pub mod resource;
pub mod resource_server;
pub mod secret;
pub mod source;
pub mod suspension;
pub mod unsubscribe;
pub mod user;
pub mod webhook;

pub use clock::Clock;
