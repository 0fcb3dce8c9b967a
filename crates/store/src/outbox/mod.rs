//! The outbox: reminders and other mails, webhooks and their deliveries, and the history of both.

mod claimed_mail;
pub mod failed_mails;
pub(crate) mod history;
pub mod mails;
pub mod plans;
mod queue;
mod rate_limit;
pub(crate) mod secret_notices;
pub(crate) mod stable_ids;
mod unreachable_keys;
pub mod webhook_deliveries;
pub mod webhooks;

pub use plans::{MailKind, Plan};
