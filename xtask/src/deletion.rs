//! `cargo xtask deletion [--seconds N]`: the experiment of `crates/server/tests/alone/deletion`, for as long as asked.

use std::path::Path;

use crate::packages;
use crate::postgres::Cluster;
use crate::shell::{self, Outcome};

/// How long the experiment takes by default.
pub(crate) const SECONDS: &str = "60";
/// The variable by which the test learns it.
pub(crate) const VARIABLE: &str = "WMDA_AUTH_DELETION_SECONDS";

pub(crate) fn run(root: &Path, seconds: &str) -> Outcome {
    if seconds.parse::<u32>().is_err() {
        return Err("--seconds takes a number".to_owned());
    }
    packages::ensure()?;
    let cluster = Cluster::start()?;
    let mut test = shell::cargo(root);
    test.args([
        "test", "--locked", "-p", "server", "--test", "alone", "deletion", "--",
    ]);
    test.arg("--nocapture");
    test.env(VARIABLE, seconds)
        .env("WMDA_AUTH_TEST_POSTGRES_URL", cluster.url("postgres"))
        .env("WMDA_AUTH_TEST_POSTGRES_BIN", cluster.bin());
    shell::run(&mut test)
}
