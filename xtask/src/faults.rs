//! `cargo xtask faults`: fault injection on real processes; each row with its effect is in `docs/reliability.md`
//! (`tests/faults`).

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::needs;
use crate::postgres;
use crate::shell::{self, Outcome};
use crate::workspace::Workspace;

/// The last commit of version 0.1, for tests of nodes of both versions together.
const PREVIOUS: &str = "3ee03f6";

#[derive(Args)]
pub(crate) struct Options {
    /// Only these rows; comma-separated
    #[arg(long, value_name = "ROW")]
    only: Option<String>,
    /// The short form, on the debug binary; the document stays as it is
    #[arg(long)]
    quick: bool,
    /// How often a node is killed
    #[arg(long, value_name = "N")]
    kills: Option<u32>,
    /// How long the soak lasts
    #[arg(long, value_name = "MINUTES")]
    soak: Option<u32>,
}

/// Runs the requested rows; those of the long form go into the document.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Outcome {
    if options.quick {
        return drive(workspace, &workspace.server()?, options, &[]);
    }
    shell::run(&mut workspace.cargo(&["build", "--release", "--locked", "-p", "server"]))?;
    let document = workspace.root().join("docs/reliability.md");
    let mut further = vec!["--document".to_owned(), document.display().to_string()];
    let rows = options.only.as_deref();
    if rows.is_none_or(|rows| rows.split(',').any(|row| row == "two-versions")) {
        match previous(workspace) {
            Ok(previous) => further.extend(["--previous".to_owned(), previous.display().to_string()]),
            // Only the row that needs it fails.
            Err(problem) => shell::announce(&format!("no version 0.1: {problem}")),
        }
    }
    let server = workspace.target_dir().join("release/wmda-auth");
    drive(workspace, &server, options, &further)
}

/// Rows of which no other test has a short form.
const NOT_TRIED_ELSEWHERE: &str =
    "database-read-only,database-exhausted,disk-of-the-log-full,keys-pepper-certificate-gone,kill-9,clocks";

/// The step of the tests: the short form of rows that they don't cover otherwise.
pub(crate) fn short_form(workspace: &Workspace) -> Outcome {
    let options = Options {
        only: Some(NOT_TRIED_ELSEWHERE.to_owned()),
        quick: true,
        kills: None,
        soak: None,
    };
    run(workspace, &options)
}

fn drive(workspace: &Workspace, server: &Path, options: &Options, further: &[String]) -> Outcome {
    let tools = workspace.tools();
    let mut python = tools.command("python3");
    python.arg(workspace.root().join("tests/faults/faults.py"));
    python.arg(server).args(further);
    if options.quick {
        python.arg("--quick");
    }
    let numbers = [("--kills", options.kills), ("--soak", options.soak)];
    for (name, number) in numbers {
        if let Some(number) = number {
            python.arg(name).arg(number.to_string());
        }
    }
    if let Some(rows) = &options.only {
        python.args(["--only", rows]);
    }
    if let Some(programs) = postgres::bin_dir(tools) {
        python.env("WMDA_AUTH_TEST_POSTGRES_BIN", programs);
    }
    if let Some(library) = needs::faketime(tools) {
        python.env("WMDA_AUTH_TEST_FAKETIME", library);
    }
    shell::run(python.env("PYTHONDONTWRITEBYTECODE", "1"))
}

/// Builds version 0.1 from the repository's history.
fn previous(workspace: &Workspace) -> Result<PathBuf, String> {
    let folder = workspace.target_dir().join("previous");
    let source = folder.join("source");
    std::fs::create_dir_all(&source).map_err(|e| format!("cannot make {}: {e}", source.display()))?;
    let archive = folder.join("source.tar");
    let mut git = Command::new("git");
    git.current_dir(workspace.root());
    shell::run(git.args(["archive", "--output"]).arg(&archive).arg(PREVIOUS))?;
    shell::run(
        Command::new("tar")
            .arg("-xf")
            .arg(&archive)
            .arg("-C")
            .arg(&source),
    )?;
    let mut build = workspace.cargo(&["build", "--release", "--locked", "-p", "server", "--target-dir"]);
    shell::run(build.arg(&folder).current_dir(&source))?;
    Ok(folder.join("release/wmda-auth"))
}
