//! The table of refusals. Every cause has one row: its error response in each dialect, and whether it counts as a
//! failed authentication. A new cause does not compile until it has a row. Rows stand beside their causes, by
//! subject.

mod cause;
mod client;
mod failure;
mod form;
mod page;
mod proof;
mod rotation;
mod row;
mod server;
mod target;
mod words;

pub(crate) use cause::Cause;
pub(crate) use client::ClientCause;
pub(crate) use failure::{Failure, no_store};
pub(crate) use form::{FormCause, Parameter};
pub(crate) use page::error_page;
pub(crate) use proof::ProofCause;
pub(crate) use rotation::RotationCause;
pub(crate) use row::Answer;
pub(crate) use server::ServerCause;
pub(crate) use target::TargetCause;
pub(crate) use words::NETWORK_REPORTED;
pub use words::{Explanation, explanation};
