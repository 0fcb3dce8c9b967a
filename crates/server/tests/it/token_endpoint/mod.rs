//! The token endpoint over HTTP: the real binary, on SQLite and on PostgreSQL. Expected values come from the
//! standards.

mod algorithms;
mod check;
mod client_authentication;
mod clients;
mod entra;
mod metadata;
mod migration;
mod outage;
mod requests;
mod secret_expiry;
mod tokens;

const PRODUCTION: &str = "5df05a6d-8ef0-49fe-9441-62cd9b540376";
const NOBODY: &str = "11111111-2222-4333-8444-555555555555";
const SENTINEL: &str = "sentinel7Hk2Qw";
