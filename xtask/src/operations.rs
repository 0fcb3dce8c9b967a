//! Tests of what operators are given: alert rules, the systemd unit, and two nodes behind the balancers'
//! configurations.

use crate::demo::Demo;
use crate::shell::{self, Outcome};
use crate::workspace::Workspace;

/// systemd's exposure level, in tenths: "below 2.0".
const EXPOSURE: &str = "--threshold=20";

pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let root = workspace.root();
    let tool = |program: &str| {
        let mut command = workspace.tools().command(program);
        command.current_dir(root);
        command
    };
    shell::run(tool("promtool").args(["check", "rules", "docs/monitoring/alerts.yml"]))?;
    shell::run(tool("promtool").args(["test", "rules", "docs/monitoring/alerts-test.yml"]))?;
    let unit = "packaging/systemd/wmda-auth.service";
    shell::run(tool("systemd-analyze").args(["security", "--offline=true", "--no-pager", EXPOSURE, unit]))?;
    let server = workspace.server()?;
    let demo = Demo::start(&server, None)?;
    shell::announce("rolling restarts behind HAProxy and nginx");
    let mut site = tool("python3");
    site.arg("tests/operations/site.py");
    site.env("WMDA_AUTH_DEMO", demo.json())
        .env("WMDA_AUTH", &server)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    shell::run(&mut site)
}
