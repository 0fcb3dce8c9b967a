//! The client suite in Go.

use crate::demo::Demo;
use crate::shell::{self, Outcome};
use crate::tools::Tools;

/// Runs the suite against a demo.
pub(crate) fn test_against(tools: &Tools, demo: &Demo) -> Outcome {
    let mut go = tools.command("go");
    go.args(["test", "-count=1", "./..."]);
    go.current_dir(tools.root().join("tests/clients/go"));
    shell::run(go.env("WMDA_AUTH_DEMO", demo.json()))
}
