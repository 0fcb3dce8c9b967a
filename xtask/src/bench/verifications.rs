//! Verifications by the crate `verifier`, beside a signature and JSON alone.

use std::path::Path;
use std::process::Command;

use super::{CLIENT_CORE, SERVER_CORE, forget, wrk::Target};
use crate::demo::Demo;
use crate::shell;

/// A line of a table.
pub(super) fn line(release: &Path) -> Result<String, String> {
    let folder = release.join("bench-verifier");
    let demo = Demo::start_pinned(&release.join("wmda-auth"), SERVER_CORE, &folder)?;
    let token = Target::of_demo(&demo, 0, release.join("verifier.lua"))?.token()?;
    let mut program = Command::new("taskset");
    program
        .args(["-c", CLIENT_CORE])
        .arg(release.join("examples/verifications"))
        .args([demo.text("base_url")?, &token]);
    let figures = shell::output(&mut program)?;
    drop(demo);
    forget(&folder)?;
    Ok(format!(
        "| tokens that the crate `verifier` verifies, per second of one core | {} |\n",
        figures.trim()
    ))
}
