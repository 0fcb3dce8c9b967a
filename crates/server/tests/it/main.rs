//! The built binary, tested over HTTP, on SQLite and on PostgreSQL: one test binary, so that it is linked once. Tests
//! that need the machine for themselves are in `tests/alone`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, and uses the machine's clock and environment"
)]

/// Runs each test on each database.
macro_rules! on_both {
    ($($test:ident $(,)?)+) => {
        mod sqlite { $(#[test] fn $test() { super::$test(&crate::support::Demo::sqlite()); })+ }
        mod postgres { $(#[test] fn $test() { super::$test(&crate::support::Demo::postgres()); })+ }
    };
}

/// Runs each test on each database, with other limits than the defaults.
macro_rules! on_both_with {
    ($limits:expr, $($test:ident)+) => {
        mod sqlite_with_other_limits {
            $(#[test] fn $test() { super::$test(&crate::support::Demo::start_with(None, &$limits)); })+
        }
        mod postgres_with_other_limits {
            $(#[test] fn $test() {
                let database = crate::support::postgres_database();
                super::$test(&crate::support::Demo::start_with(Some(&database), &$limits));
            })+
        }
    };
}

mod account;
mod api_docs;
mod assertions;
mod attacks;
mod audit_anchor;
mod backup;
mod certificates;
mod check;
mod database_file;
mod database_tls;
mod demo_api;
mod documents;
mod dpop;
mod failed_mails;
mod failover;
mod hanging_database;
mod import;
mod introspection;
mod issuing;
mod json_log;
mod keys;
mod leak_reports;
mod leaked_keys;
mod management;
mod management_attacks;
mod metrics;
mod networks;
mod node;
mod notifications;
mod operators;
mod pepper;
mod policy_races;
mod readme;
mod refusal_record;
mod refusals;
mod request_ids;
mod rotation;
mod secret_files;
mod start_and_stop;
mod start_up;
mod status_list;
#[path = "../support/mod.rs"]
mod support;
mod suspension;
mod team;
mod throttling;
mod tls;
mod token_endpoint;
mod verifier;
