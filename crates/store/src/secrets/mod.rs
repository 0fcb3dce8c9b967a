//! Client secrets as managers see them, and the facts from which reminders are planned.

pub mod attention;
pub mod client_secrets;
mod grace;
pub mod leaks;
pub mod reports;
pub mod rotation;
pub mod secret_facts;
mod suspension;
