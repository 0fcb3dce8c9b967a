//! `cargo xtask attacks`: what one sender can do to the binary, and how that affects others (`tests/attacks`). A
//! complete run on the release binary writes its figures into the document.

use std::process::Command;

use crate::shell::{self, Outcome};
use crate::workspace::Workspace;

/// The document with the figures.
const DOCUMENT: &str = "docs/attacks.md";

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Attacks {
    /// How long each attack lasts
    #[arg(long, value_name = "N", default_value_t = 30)]
    seconds: u32,
    /// Only this one; may be repeated. The others are named by a wrong one
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// On the debug binary: to work on an attack, not for figures
    #[arg(long)]
    debug: bool,
}

pub(crate) fn run(workspace: &Workspace, attacks: &Attacks) -> Outcome {
    let mut build = workspace.cargo(&["build", "--locked", "-p", "server"]);
    let profile = if attacks.debug { "debug" } else { "release" };
    if !attacks.debug {
        build.arg("--release");
    }
    shell::run(&mut build)?;
    let mut python = Command::new("python3");
    python.arg(workspace.root().join("tests/attacks/attacks.py"));
    python.arg(workspace.target_dir().join(profile).join("wmda-auth"));
    python.args(["--seconds", &attacks.seconds.to_string()]);
    for name in &attacks.only {
        python.args(["--only", name]);
    }
    if !attacks.debug && attacks.only.is_empty() {
        python.arg("--document").arg(workspace.root().join(DOCUMENT));
    }
    shell::run(&mut python)
}
