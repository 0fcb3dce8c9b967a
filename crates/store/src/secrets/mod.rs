//! Client secrets as people manage them, and what reminders are decided from.

pub mod attention;
pub mod client_secrets;
mod grace;
pub mod leaks;
pub mod reports;
pub mod rotation;
pub mod secret_facts;
mod suspension;
