//! cargo-deny: licences, bans and sources offline; advisories on request.

use crate::shell::{self, Outcome};
use crate::subcommand::Subcommand;
use crate::tools::Tools;
use crate::workspace::Workspace;

const DENY: Subcommand = Subcommand {
    name: "deny",
    version: "^0.20",
};

/// Fetches the crates of every platform, whose licences cargo-deny reads offline, and builds cargo-deny if missing.
pub(crate) fn prepare(tools: &Tools) -> Outcome {
    shell::run(&mut tools.cargo(&["fetch", "--locked"]))?;
    DENY.provide(tools)
}

pub(crate) fn check(workspace: &Workspace) -> Outcome {
    let offline = ["--offline", "check", "bans", "licenses", "sources"];
    shell::run(DENY.command(workspace.tools()).args(offline))
}

pub(crate) fn advisories(workspace: &Workspace) -> Outcome {
    prepare(workspace.tools())?;
    shell::run(DENY.command(workspace.tools()).args(["check", "advisories"]))
}
