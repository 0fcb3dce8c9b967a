//! `cargo xtask management-load`: how long creating, listing and deleting a secret take over REST, beside 100,000 secrets
//! and in an almost empty store, on both databases.

use std::path::Path;
use std::process::Command;

use crate::postgres::Cluster;
use crate::shell::{self, Outcome};

const DATABASE: &str = "wmda_auth_management_load";

pub(crate) fn run(root: &Path) -> Outcome {
    let build = ["build", "--release", "--locked", "-p", "server"];
    shell::run(shell::cargo(root).args(build))?;
    let cluster = Cluster::start()?;
    cluster.create_database(DATABASE)?;
    shell::announce("SQLite");
    measure(root, &[])?;
    shell::announce("PostgreSQL");
    let psql = cluster.bin().join("psql").display().to_string();
    measure(root, &[&cluster.url(DATABASE), &psql])
}

fn measure(root: &Path, database: &[&str]) -> Outcome {
    let release = shell::target_dir(root).join("release");
    let data = release.join("management-load");
    let mut python = Command::new("python3");
    python.arg(root.join("xtask/src/management_load.py"));
    python.arg(release.join("wmda-auth")).arg(&data).args(database);
    let outcome = shell::run(&mut python);
    std::fs::remove_dir_all(&data).map_err(|e| format!("cannot remove {}: {e}", data.display()))?;
    outcome
}
