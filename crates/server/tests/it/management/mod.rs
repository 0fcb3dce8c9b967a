//! The management API against the built binary, on both databases: every role on every route, and attacks.

mod audit;
mod enrolment;
mod roles;
mod secrets;
mod sign_in;

use serde_json::{Value, json};

fn next_year() -> String {
    (chrono::Utc::now() + chrono::TimeDelta::days(200))
        .format("%Y-%m-%d")
        .to_string()
}

fn new_secret(name: &str) -> Value {
    json!({ "name": name, "expires_at": next_year() })
}
