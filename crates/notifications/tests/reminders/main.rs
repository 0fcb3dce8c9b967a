//! Reminders on real databases against a real SMTP server: faults, attacks, and a year in which everything happens.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and reads its environment"
)]

mod changes;
mod event_notices;
mod faults;
mod oracle;
mod plot;
mod rate_limit;
mod samples;
mod smtp;
mod world;
mod year;

/// Runs each test on each database.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test(&crate::world::World::sqlite()).await; })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test(&crate::world::World::postgres()).await; })*
        }
    };
}
pub(crate) use on_both;
