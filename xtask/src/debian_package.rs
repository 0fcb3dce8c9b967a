//! The Debian package, made of the debug binary and put to the test in a Debian root of its own (`tests/package`).

use std::fs;
use std::path::{Path, PathBuf};

use crate::packages;
use crate::shell::{self, Outcome};
use crate::subcommand::Subcommand;
use crate::tools::Tools;
use crate::workspace::Workspace;

const DEB: Subcommand = Subcommand {
    name: "deb",
    version: "^3.8",
};

/// Builds cargo-deb and makes the small Debian, when they are missing.
pub(crate) fn prepare(tools: &Tools) -> Outcome {
    DEB.provide(tools)?;
    made(&folder(tools))?;
    run_as_root(tools, "bash", "system.sh")
}

pub(crate) fn run(workspace: &Workspace) -> Outcome {
    build(workspace)?;
    run_as_root(workspace.tools(), "python3", "package.py")
}

/// cargo-deb packages release builds: the debug binary lies here in the place of one.
fn build(workspace: &Workspace) -> Outcome {
    let target = folder(workspace.tools());
    let release = target.join("release");
    made(&release)?;
    let server = workspace.server()?;
    fs::copy(&server, release.join("wmda-auth")).map_err(|e| format!("{}: {e}", server.display()))?;
    let mut deb = DEB.command(workspace.tools());
    deb.args(["--package", "server", "--no-build", "--locked"]);
    deb.args(["--strip", "--fast", "--output"]);
    deb.arg(target.join("wmda-auth.deb"));
    shell::run(deb.env("CARGO_TARGET_DIR", &target))
}

/// A script of the suite, which is told where all of it lies.
fn run_as_root(tools: &Tools, interpreter: &str, script: &str) -> Outcome {
    let mut command = packages::by_root(tools, interpreter).ok_or("only root can do this")?;
    command.arg(tools.root().join("tests/package").join(script));
    shell::run(command.arg(folder(tools)))
}

fn folder(tools: &Tools) -> PathBuf {
    tools.folder().join("package")
}

fn made(folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|e| format!("cannot create {}: {e}", folder.display()))
}
