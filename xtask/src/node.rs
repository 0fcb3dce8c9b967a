//! Suites in Node: installed by `npm ci`, run by `node --test`.

use std::path::Path;
use std::process::Command;

use crate::demo::{Demo, LOOPBACK};
use crate::shell::{self, Outcome};
use crate::tools::Tools;

/// A copy of the suite with its packages, in `target/test-tools`.
pub(crate) fn prepare(tools: &Tools, suite: &str, name: &str) -> Outcome {
    shell::announce(&format!(
        "installing what tests/{suite} needs into target/test-tools/{name}"
    ));
    install(tools, &tools.copy_of(suite, name)?)
}

/// Installs what the lock file names, without running install scripts.
pub(crate) fn install(tools: &Tools, folder: &Path) -> Outcome {
    let mut npm = tools.command("npm");
    shell::run(
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(folder),
    )
}

/// The time limit of a file of tests, in milliseconds: one that hangs fails, instead of the step that never ends.
const FILE_LIMIT: &str = "--test-timeout=900000";

/// `node --test`, with loopback exempt from proxies.
pub(crate) fn test(tools: &Tools, folder: &Path) -> Command {
    let mut node = tools.command("node");
    node.args(["--test", FILE_LIMIT]).current_dir(folder);
    node.env("NO_PROXY", LOOPBACK).env("no_proxy", LOOPBACK);
    node
}

/// The same for a suite that uses a running demo.
pub(crate) fn test_against(tools: &Tools, folder: &Path, demo: &Demo) -> Result<Command, String> {
    let mut node = test(tools, folder);
    node.env("NODE_EXTRA_CA_CERTS", demo.text("ca_file")?)
        .env("WMDA_AUTH_DEMO", demo.json());
    Ok(node)
}
