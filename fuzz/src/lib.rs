//! What anybody may send, thrown at the function that reads it. Each target takes any bytes and may refuse them, but neither
//! panic nor accept what it must not. `cargo xtask fuzz` runs them under libFuzzer for as long as you like;
//! `tests/short` runs them on the seeds and on mutations that are the same every time.

#![expect(
    clippy::expect_used,
    reason = "what a target sets up for itself is not what is tested"
)]

mod authorization;
mod expiry;
mod form;
mod issuer;
mod jwt;
mod status_list;

/// The targets, by the name that `cargo fuzz run` takes.
pub mod targets {
    pub use crate::{
        authorization::basic_header, expiry::expiry, form::form_body, jwt::jwt, status_list::status_list,
    };
}

/// What a target does with one input.
pub type Target = fn(&[u8]);

/// Every target with its name, which is also that of its seeds' folder.
pub const TARGETS: [(&str, Target); 5] = [
    ("basic_header", targets::basic_header),
    ("expiry", targets::expiry),
    ("form_body", targets::form_body),
    ("jwt", targets::jwt),
    ("status_list", targets::status_list),
];
