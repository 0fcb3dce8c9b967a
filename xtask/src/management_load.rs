//! `cargo xtask management-load`: the latency of creating, listing and deleting a secret over REST, with 100,000
//! secrets and in an almost empty store, on both databases.

use std::process::Command;

use crate::shell::{self, Outcome};
use crate::workspace::Workspace;

const DATABASE: &str = "wmda_auth_management_load";

pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let build = ["build", "--release", "--locked", "-p", "server"];
    shell::run(&mut workspace.cargo(&build))?;
    let cluster = workspace.cluster()?;
    cluster.create_database(DATABASE)?;
    shell::announce("SQLite");
    measure(workspace, &[])?;
    shell::announce("PostgreSQL");
    let psql = cluster.bin().join("psql").display().to_string();
    measure(workspace, &[&cluster.url(DATABASE), &psql])
}

fn measure(workspace: &Workspace, database: &[&str]) -> Outcome {
    let release = workspace.target_dir().join("release");
    let data = release.join("management-load");
    let mut python = Command::new("python3");
    python.arg(workspace.root().join("xtask/src/management_load.py"));
    python.arg(release.join("wmda-auth")).arg(&data).args(database);
    let outcome = shell::run(&mut python);
    std::fs::remove_dir_all(&data).map_err(|e| format!("cannot remove {}: {e}", data.display()))?;
    outcome
}
