//! What wants the machine for itself, and so is a program apart from `tests/it`: response times are measured here, and the
//! experiment about deletion loads every core and stops processes. Cargo runs one program of tests after the other, and a lock
//! lets one test of this one run at a time.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, uses the machine's clock and environment, and is random"
)]

mod deletion;
mod promise;
#[expect(dead_code, reason = "`tests/it` uses the rest")]
#[path = "../support/mod.rs"]
mod support;
mod timing;

use std::sync::{Mutex, MutexGuard, PoisonError};

static MACHINE: Mutex<()> = Mutex::new(());

/// The machine, until dropped: each test here begins by taking it.
fn alone() -> MutexGuard<'static, ()> {
    // A test that failed has left nothing behind that concerns the next one.
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}
