//! The workspace's own checks: format, lints, tests.

use std::process::Command;

use crate::deletion;
use crate::shell::{self, Outcome};
use crate::workspace::Workspace;

pub(crate) fn format(workspace: &Workspace) -> Outcome {
    shell::run(&mut workspace.cargo(&["fmt", "--all", "--check"]))
}

pub(crate) fn lint(workspace: &Workspace) -> Outcome {
    let mut clippy = workspace.cargo(&["clippy", "--workspace", "--all-targets", "--locked"]);
    clippy.args(YEAR);
    shell::run(clippy.args(["--", "-D", "warnings"]))
}

pub(crate) fn documentation(workspace: &Workspace) -> Outcome {
    let mut doc = workspace.cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Tests that simulate a year, and compute for minutes: their manifests leave them out of the others (`test = false`).
const YEAR: [&str; 4] = ["--test", "reminders", "--test", "year"];

/// Most tests wait for a lease, a mail or a process, so more of them than cores run in parallel.
const AT_ONCE: &str = "6";

pub(crate) fn test(workspace: &Workspace) -> Outcome {
    let mut tests = tests(workspace, &[])?;
    deletion::configure(&mut tests, workspace.tools(), deletion::SECONDS);
    shell::run(&mut tests)
}

pub(crate) fn year(workspace: &Workspace) -> Outcome {
    shell::run(&mut tests(workspace, &YEAR)?)
}

fn tests(workspace: &Workspace, chosen: &[&str]) -> Result<Command, String> {
    let mut tests = workspace.cargo_test(&["--workspace"])?;
    tests.args(chosen);
    // A snapshot that differs fails, and is not updated.
    tests.env("INSTA_UPDATE", "no");
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        tests.env("RUST_TEST_THREADS", AT_ONCE);
    }
    Ok(tests)
}
