//! `cargo xtask bench`: the throughput of the built server on one core, compared with the bare handler of
//! `crates/token-endpoint/examples/bare.rs` on the same core, in turn, while the load comes from another core. The
//! tables go into `docs/performance.md`.

mod bare;
mod changes;
mod crowd;
mod figures;
mod handshakes;
mod quiet;
mod rows;
mod steady;
mod verifications;
mod wrk;

use std::path::Path;

use crate::document;
use crate::shell::{self, Outcome};
use crate::workspace::Workspace;

/// The core of what is measured.
const SERVER_CORE: &str = "0";
/// The core of the load generator.
const CLIENT_CORE: &str = "1";
/// The lines of the document between which the tables stand.
const TABLES: [&str; 2] = [
    "<!-- tables: cargo xtask bench -->\n",
    "<!-- end of the tables -->",
];

/// With a `scale`, this many applications are compared with the demo's.
pub(crate) fn run(workspace: &Workspace, scale: Option<u32>) -> Outcome {
    // In one build: separate ones would compile dependencies twice, with other features.
    let build = [
        "build",
        "--release",
        "--locked",
        "-p",
        "server",
        "-p",
        "token-endpoint",
        "-p",
        "verifier",
    ];
    let what = [
        "--bin",
        "wmda-auth",
        "--example",
        "bare",
        "--example",
        "assertions",
        "--example",
        "handshakes",
        "--example",
        "verifications",
    ];
    shell::run(workspace.cargo(&build).args(what))?;
    quiet::refuse_when_busy()?;
    let release = workspace.target_dir().join("release");
    forget_leftovers(&release)?;
    let mut tables = figures::table(&release)?;
    tables.push_str(&handshakes::lines(&release)?);
    tables.push_str(&verifications::line(&release)?);
    let mut rows = rows::all(workspace.root(), &release)?;
    if let Some(scale) = scale {
        rows.extend(crowd::rows(workspace.root(), &release, scale)?);
    }
    tables.push('\n');
    tables.push_str(&rows::table(&rows));
    println!("{tables}");
    document::replace(&workspace.root().join("docs/performance.md"), TABLES, &tables)
}

/// What a run that failed has left: an organisation may be disabled there.
fn forget_leftovers(release: &Path) -> Outcome {
    let failed = |e: std::io::Error| format!("{}: {e}", release.display());
    for entry in std::fs::read_dir(release).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with("bench-") {
            forget(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a data folder.
fn forget(folder: &Path) -> Outcome {
    std::fs::remove_dir_all(folder).map_err(|e| format!("cannot remove {}: {e}", folder.display()))
}
