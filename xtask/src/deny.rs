//! cargo-deny: licences, bans and sources offline; advisories when asked.

use std::path::Path;
use std::process::Command;

use crate::shell::{self, Outcome};

pub(crate) fn check(root: &Path) -> Outcome {
    shell::announce("fetching the crates of every platform, whose licences cargo-deny reads offline");
    shell::run(shell::cargo(root).args(["fetch", "--locked"]))?;
    deny(root, &["--offline", "check", "bans", "licenses", "sources"])
}

pub(crate) fn advisories(root: &Path) -> Outcome {
    deny(root, &["check", "advisories"])
}

fn deny(root: &Path, arguments: &[&str]) -> Outcome {
    let tools = root.join("target/tools");
    let own = tools.join("bin/cargo-deny");
    if shell::succeeds(shell::cargo(root).args(["deny", "--version"])) {
        return shell::run(shell::cargo(root).arg("deny").args(arguments));
    }
    if !own.exists() {
        install(root, &tools)?;
    }
    shell::run(Command::new(own).current_dir(root).arg("deny").args(arguments))
}

fn install(root: &Path, tools: &Path) -> Outcome {
    shell::announce("installing cargo-deny into target/tools");
    let mut install = shell::cargo(root);
    install.args([
        "install",
        "cargo-deny",
        "--version",
        "^0.20",
        "--locked",
        "--debug",
        "--root",
    ]);
    shell::run(install.arg(tools))
}
