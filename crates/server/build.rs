//! Tells the binary from which commit it was built: whoever builds can say it in
//! `WMDA_AUTH_BUILD_COMMIT`, git knows it in a clone, the file `commit` in what `git archive` made.

use std::{env, fs, path::Path, process::Command};

const COMMIT: &str = "WMDA_AUTH_BUILD_COMMIT";
const CRATE: &str = env!("CARGO_MANIFEST_DIR");

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=commit");
    println!("cargo::rerun-if-env-changed={COMMIT}");
    let commit = commit_of_environment()
        .or_else(commit_of_clone)
        .or_else(commit_of_archive);
    println!(
        "cargo::rustc-env=WMDA_AUTH_COMMIT={}",
        commit.as_deref().unwrap_or("unknown")
    );
}

/// Images and packages are built from sources without the repository.
fn commit_of_environment() -> Option<String> {
    env::var_os(COMMIT)?
        .into_string()
        .ok()
        .filter(|text| is_commit(text))
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
    is_commit(commit).then(|| commit.to_owned())
}

fn is_commit(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
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
