//! The token endpoint from outside: the real binary, on SQLite and on PostgreSQL. Expected values come from the standards.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests stand outside test functions; tests measure time and read their environment"
)]

/// Each test on each database.
macro_rules! on_both {
    ($($test:ident)*) => {
        mod sqlite { $(#[test] fn $test() { super::$test(&crate::support::Demo::sqlite()); })* }
        mod postgres { $(#[test] fn $test() { super::$test(&crate::support::Demo::postgres()); })* }
    };
}

mod check;
mod client_authentication;
mod clients;
mod entra;
mod metadata;
mod outage;
mod requests;
#[expect(dead_code, reason = "each file of tests uses its part")]
#[path = "../support/mod.rs"]
mod support;
mod tokens;

const PRODUCTION: &str = "5df05a6d-8ef0-49fe-9441-62cd9b540376";
const NOBODY: &str = "11111111-2222-4333-8444-555555555555";
const SENTINEL: &str = "sentinel7Hk2Qw";
