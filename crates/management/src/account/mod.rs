//! A person's own account (`/api/v1/account`): password, authenticator, recovery codes, external identity, sessions,
//! mail settings. Authentication factors change only after full re-authentication, and each change is notified by
//! mail (P-04).

pub mod factors;
pub mod identity;
pub mod overview;
mod reauthentication;
pub mod sessions;
