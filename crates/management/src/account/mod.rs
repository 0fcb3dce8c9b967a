//! A person's own account (`/api/v1/account`): password, authenticator, recovery codes, external identity, sessions, mail
//! settings. What proves who somebody is changes only after full re-authentication, and is told by mail (P-04).

pub mod identity;
pub mod overview;
pub mod proofs;
mod reauthentication;
pub mod sessions;
