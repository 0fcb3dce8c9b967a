//! Virtual environments with pinned packages.

use std::path::Path;
use std::process::Command;

use crate::shell::{self, Outcome};
use crate::tools::Tools;

pub(crate) fn make_venv(tools: &Tools, venv: &Path, requirements: &Path) -> Outcome {
    shell::run(tools.command("python3").args(["-m", "venv"]).arg(venv))?;
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    shell::run(pip.arg("-r").arg(requirements))
}
