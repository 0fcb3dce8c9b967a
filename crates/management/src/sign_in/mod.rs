//! Authentication of people: enrolment, passwords, TOTP and recovery codes, sessions, OpenID Connect.

pub(crate) mod attempts;
pub mod enrolment;
mod notices;
pub mod openid;
pub(crate) mod password;
pub mod preferences;
pub(crate) mod refusals;
pub mod session;
pub(crate) mod totp;
pub(crate) mod turns;
