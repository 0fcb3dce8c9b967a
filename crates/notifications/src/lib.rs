//! Reminders before a secret expires, notices about people's accounts, and webhooks: planning, composing and
//! delivery. One [`Notifier::pass`] plans due reminders into the outbox and delivers what the outbox holds; any
//! number of nodes may do so at once. Time is an argument; storage is `store`.

mod calendar;
mod compose;
mod credential_notices;
mod delivery;
mod hooks;
mod notice;
mod notifier;
mod noun;
pub mod rules;
mod text;
mod transport;
mod words;

pub use compose::{ComposeError, Composer};
pub use hooks::{HookError, HookSender, HookSettings};
pub use lettre::message::Mailbox;
pub use notifier::{Notifier, Report, TestFailure};
pub use transport::{SendFailure, Transport, TransportError};
