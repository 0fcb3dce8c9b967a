//! Tests that need the machine for themselves, and so are a binary apart from `tests/it`: they measure response
//! times, or load every core and stop processes. Cargo runs test binaries one after the other, and a lock runs the
//! tests of this one one at a time.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, uses the machine's clock and environment, and is random"
)]

mod deletion;
mod flood;
mod promise;
#[expect(dead_code, reason = "`tests/it` uses the rest")]
#[path = "../support/mod.rs"]
mod support;
mod timing;

use std::sync::{Mutex, MutexGuard, PoisonError};

static MACHINE: Mutex<()> = Mutex::new(());

/// Exclusive use of the machine until dropped: each test here begins by taking it.
fn alone() -> MutexGuard<'static, ()> {
    // A failed test leaves nothing behind that concerns the next one.
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}
