//! `cargo xtask attacks [--seconds N]`: what one sender can do to the release binary, and what others notice of it
//! (`tests/attacks`).

use std::process::Command;

use crate::shell::{self, Outcome};
use crate::workspace::Workspace;

/// How long each attack lasts.
pub(crate) const SECONDS: u32 = 30;

pub(crate) fn run(workspace: &Workspace, seconds: u32) -> Outcome {
    shell::run(&mut workspace.cargo(&["build", "--release", "--locked", "-p", "server"]))?;
    let mut python = Command::new("python3");
    python.arg(workspace.root().join("tests/attacks/attacks.py"));
    python.arg(workspace.target_dir().join("release/wmda-auth"));
    shell::run(python.args(["--seconds", &seconds.to_string()]))
}
