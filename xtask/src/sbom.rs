//! The software bill of materials of the server's binary, in CycloneDX format, by cargo-cyclonedx.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Outcome};
use crate::subcommand::Subcommand;
use crate::workspace::Workspace;

const CYCLONEDX: Subcommand = Subcommand {
    name: "cyclonedx",
    version: "^0.5.9",
};

/// Its path in the repository, from which the Debian package takes it.
const WRITTEN: &str = "target/wmda-auth.cdx.json";

pub(crate) fn run(workspace: &Workspace) -> Outcome {
    CYCLONEDX.provide(workspace.tools())?;
    let copy = copy(workspace)?;
    let server = copy.join("crates/server");
    let mut command = CYCLONEDX.command(workspace.tools());
    command
        .arg("--manifest-path")
        .arg(server.join("Cargo.toml"))
        .args(["--format", "json", "--spec-version", "1.5", "--quiet"])
        .args(["--describe", "binaries", "--no-build-deps", "--target"])
        .arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH));
    shell::run(&mut command)?;
    let written = workspace.root().join(WRITTEN);
    publish(&copy, &server.join("wmda-auth_bin.cdx.json"), &written)?;
    shell::announce(&format!("written: {}", written.display()));
    Ok(())
}

/// A copy of the manifests and the lock file below `target`, as cargo-cyclonedx writes beside each manifest.
fn copy(workspace: &Workspace) -> Result<PathBuf, String> {
    let copy = workspace.tools().folder().join("sbom");
    let failed = |error: std::io::Error| format!("{}: {error}", copy.display());
    if copy.exists() {
        fs::remove_dir_all(&copy).map_err(failed)?;
    }
    fs::create_dir_all(&copy).map_err(failed)?;
    let in_root = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(workspace.root());
        command
    };
    let files = shell::output(in_root("git").args(["ls-files", "--", "Cargo.lock", "*.toml", "*.rs"]))?;
    shell::output(in_root("cp").arg("--parents").args(files.lines()).arg(&copy))?;
    Ok(copy)
}

/// Publishes it without local paths.
fn publish(copy: &Path, made: &Path, to: &Path) -> Outcome {
    let text = fs::read_to_string(made).map_err(|error| format!("{}: {error}", made.display()))?;
    let text = text.replace(&copy.display().to_string(), "");
    fs::write(to, text).map_err(|error| format!("{}: {error}", to.display()))
}
