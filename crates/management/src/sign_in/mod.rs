//! Authentication of people: enrolment, passwords, TOTP and recovery codes, sessions, OpenID Connect.

pub mod enrolment;
pub mod openid;
mod password;
pub mod preferences;
pub mod session;
pub(crate) mod totp;
