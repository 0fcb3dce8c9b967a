//! cargo-deny: licences, bans and sources offline; advisories when asked.

use std::path::PathBuf;
use std::process::Command;

use crate::shell::{self, Outcome};
use crate::tools::Tools;
use crate::workspace::Workspace;

/// Fetches the crates of every platform, whose licences cargo-deny reads offline, and builds cargo-deny when it is missing.
pub(crate) fn prepare(tools: &Tools) -> Outcome {
    shell::run(&mut tools.cargo(&["fetch", "--locked"]))?;
    if is_installed(tools) || own(tools).exists() {
        return Ok(());
    }
    shell::announce("installing cargo-deny into target/tools");
    let mut install = tools.cargo(&[
        "install",
        "cargo-deny",
        "--version",
        "^0.20",
        "--locked",
        "--debug",
        "--quiet",
    ]);
    // Nobody debugs it.
    install.env("CARGO_PROFILE_DEV_DEBUG", "false");
    shell::run(install.arg("--root").arg(folder(tools)))
}

pub(crate) fn check(workspace: &Workspace) -> Outcome {
    let offline = ["--offline", "check", "bans", "licenses", "sources"];
    shell::run(deny(workspace.tools()).args(offline))
}

pub(crate) fn advisories(workspace: &Workspace) -> Outcome {
    prepare(workspace.tools())?;
    shell::run(deny(workspace.tools()).args(["check", "advisories"]))
}

fn deny(tools: &Tools) -> Command {
    if is_installed(tools) {
        return tools.cargo(&["deny"]);
    }
    let mut own = tools.command(own(tools));
    own.current_dir(tools.root()).arg("deny");
    own
}

fn is_installed(tools: &Tools) -> bool {
    shell::succeeds(&mut tools.cargo(&["deny", "--version"]))
}

fn own(tools: &Tools) -> PathBuf {
    folder(tools).join("bin/cargo-deny")
}

fn folder(tools: &Tools) -> PathBuf {
    tools.root().join("target/tools")
}
