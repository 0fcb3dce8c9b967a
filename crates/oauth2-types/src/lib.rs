//! Protocol vocabulary of OAuth 2.0 for machine-to-machine access: requests, credentials, errors, scope, claims,
//! metadata and algorithms. No I/O, no policy, no cryptography.

pub mod algorithm;
pub mod answer;
pub mod bearer;
pub mod claims;
pub mod credentials;
pub mod error;
pub mod form;
pub mod introspection;
pub mod metadata;
pub mod scope;
