//! The management API inside the test process, on both databases.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and reads its environment"
)]

mod support;
mod time;
