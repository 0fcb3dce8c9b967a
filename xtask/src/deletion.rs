//! `cargo xtask deletion [--seconds N]`: runs the experiment of `crates/server/tests/alone/deletion` for this long.

use std::process::Command;

use crate::needs;
use crate::shell::{self, Outcome};
use crate::tools::Tools;
use crate::workspace::Workspace;

/// The default duration.
pub(crate) const SECONDS: u32 = 60;

pub(crate) fn run(workspace: &Workspace, seconds: u32) -> Outcome {
    let mut test = workspace.cargo_test(&["-p", "server", "--test", "alone", "deletion"])?;
    configure(&mut test, workspace.tools(), seconds);
    shell::run(test.args(["--", "--nocapture"]))
}

/// Sets the duration, and the library that fakes clocks.
pub(crate) fn configure(test: &mut Command, tools: &Tools, seconds: u32) {
    test.env("WMDA_AUTH_DELETION_SECONDS", seconds.to_string());
    if let Some(library) = needs::faketime(tools) {
        test.env("WMDA_AUTH_TEST_FAKETIME", library);
    }
}
