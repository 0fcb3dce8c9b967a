//! The store on both databases, and the model of the lease: one test binary, so that it is linked once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "helpers of tests stand outside test functions; tests measure time and read their environment"
)]

/// Runs each test on each database, a fresh one.
macro_rules! on_both {
    ($($test:ident $(,)?)+) => {
        mod sqlite { $(#[tokio::test] async fn $test() { super::$test(&crate::support::Database::sqlite()).await; })+ }
        mod postgres { $(#[tokio::test] async fn $test() { super::$test(&crate::support::Database::postgres()).await; })+ }
    };
}

mod attention;
mod audit;
mod bounded;
mod contract;
mod lease_model;
mod published_keys;
mod refusals;
mod retention;
mod rotation;
mod settling;
mod support;
