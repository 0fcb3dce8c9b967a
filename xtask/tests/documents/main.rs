//! The documents agree with the tree: folders, arrows between crates, links, alerts and the runbook, and which test
//! checks which requirement.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first surprise, also outside of test functions"
)]

mod circles;
mod crates;
mod folders;
mod links;
mod requirements;
mod runbook;

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn architecture() -> String {
    fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap()
}

/// The code under a heading, without indentation.
fn block<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let section = text.split_once(&format!("\n{heading}\n")).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .collect()
}

fn is_made(name: &str) -> bool {
    matches!(
        name,
        ".git" | "target" | "node_modules" | "__pycache__" | ".pytest_cache" | "corpus" | "artifacts"
    )
}

/// The entries of a folder, sorted; without generated ones.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let mut written: Vec<PathBuf> = entries
        .filter(|entry| !is_made(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    written.sort();
    written
}

/// Every file with one of these extensions, anywhere in the repository.
fn files(extensions: &[&str]) -> Vec<PathBuf> {
    fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
        for path in entries(folder) {
            let extension = path.extension().unwrap_or_default();
            if path.is_dir() {
                collect(&path, extensions, found);
            } else if extensions.iter().any(|one| *one == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(root(), extensions, &mut found);
    found
}
