//! The workspace's own checks: format, lints, tests.

use crate::deletion;
use crate::shell::{self, Outcome};
use crate::workspace::Workspace;

pub(crate) fn format(workspace: &Workspace) -> Outcome {
    shell::run(&mut workspace.cargo(&["fmt", "--all", "--check"]))
}

pub(crate) fn lint(workspace: &Workspace) -> Outcome {
    let everything = ["clippy", "--workspace", "--all-targets", "--locked"];
    shell::run(workspace.cargo(&everything).args(["--", "-D", "warnings"]))
}

pub(crate) fn documentation(workspace: &Workspace) -> Outcome {
    let mut doc = workspace.cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Most tests wait, for a lease, a mail or a process: more of them than there are cores go on at once.
const AT_ONCE: &str = "6";

pub(crate) fn test(workspace: &Workspace) -> Outcome {
    let mut tests = workspace.cargo_test(&["--workspace"])?;
    // A snapshot that differs is a failure, and is left as it was.
    tests.env("INSTA_UPDATE", "no");
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        tests.env("RUST_TEST_THREADS", AT_ONCE);
    }
    deletion::configure(&mut tests, workspace.tools(), deletion::SECONDS);
    shell::run(&mut tests)
}
