//! Tells the binary from which commit it was built: git knows it in a clone, the file `commit` in what `git archive` made.

use std::{fs, path::Path, process::Command};

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=commit");
    let commit = commit_of_clone().or_else(commit_of_archive);
    println!(
        "cargo::rustc-env=WMDA_AUTH_COMMIT={}",
        commit.as_deref().unwrap_or("unknown")
    );
}

/// `None` where the sources only lie inside somebody else's repository.
fn commit_of_clone() -> Option<String> {
    let top = fs::canonicalize(git(&["rev-parse", "--show-toplevel"])?).ok()?;
    let ours = fs::canonicalize(Path::new(CRATE).join("../..")).ok()?;
    if top != ours {
        return None;
    }
    // Grows with each commit and checkout; a file that is missing would run this every time.
    let log = Path::new(CRATE).join(git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    if log.exists() {
        println!("cargo::rerun-if-changed={}", log.display());
    }
    git(&["rev-parse", "--short=10", "HEAD"])
}

/// `git archive` puts the commit in place of the file's text (`export-subst` in `.gitattributes`).
fn commit_of_archive() -> Option<String> {
    let text = fs::read_to_string(Path::new(CRATE).join("commit")).ok()?;
    let commit = text.trim();
    let is_commit = commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| commit.to_owned())
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(CRATE)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
