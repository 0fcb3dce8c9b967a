//! The workspace's own checks: format, lints, tests, and the server built for the client suites.

use std::path::Path;

use crate::deletion;
use crate::postgres::Cluster;
use crate::shell::{self, Outcome};

pub(crate) fn check(root: &Path, cluster: &Cluster) -> Outcome {
    cargo(root, &["fmt", "--all", "--check"])?;
    cargo(
        root,
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    let mut tests = shell::cargo(root);
    tests.args(["test", "--workspace", "--locked"]);
    tests.env("WMDA_AUTH_TEST_POSTGRES_URL", cluster.url("postgres"));
    tests.env("WMDA_AUTH_TEST_POSTGRES_BIN", cluster.bin());
    tests.env(deletion::VARIABLE, deletion::SECONDS);
    shell::run(&mut tests)?;
    cargo(root, &["build", "--locked"])
}

fn cargo(root: &Path, arguments: &[&str]) -> Outcome {
    shell::run(shell::cargo(root).args(arguments))
}
