//! People: accounts, enrolment, sessions, sign-in attempts, mail preferences.

pub mod accounts;
pub mod enrolments;
mod erasure;
pub(crate) mod preferences;
pub mod sessions;
pub mod sign_in_attempts;
pub mod users;
