//! The WMDA team's work, by REST and by `wmda-auth admin`, which are equivalent.

mod apis;
mod applications;
mod member;
mod names;
mod people;
mod search;

use std::process::Command;

use serde_json::Value;

use crate::support::{Demo, succeeded};

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Runs `wmda-auth admin … --json`; returns the JSON.
fn shell(demo: &Demo, words: &[&str]) -> Value {
    let out = succeeded(admin(demo, words).arg("--json"));
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{words:?}: {out}"))
}

fn admin(demo: &Demo, words: &[&str]) -> Command {
    let mut command = demo.admin(words);
    command.env("USER", "tester");
    command
}

fn in_days(days: i64) -> String {
    (chrono::Utc::now() + chrono::TimeDelta::days(days))
        .format("%Y-%m-%d")
        .to_string()
}
