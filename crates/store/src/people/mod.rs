//! People: accounts, enrolment, sessions and attempts to sign in, mail preferences.

pub mod enrolments;
pub(crate) mod preferences;
pub mod sessions;
pub mod users;
