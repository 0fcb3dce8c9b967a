//! `cargo xtask test` runs every check; `cargo xtask advisories` asks the advisory database;
//! `cargo xtask load` measures the token path over HTTP, `cargo xtask management-load` the management of secrets;
//! `cargo xtask deletion` puts the promise about deletion to the test;
//! `cargo xtask validators` runs the downstream APIs of the document; `cargo xtask screenshots` makes the pictures of the
//! guides.

mod clients;
mod deletion;
mod demo;
mod deny;
mod load;
mod management_load;
mod packages;
mod page;
mod postgres;
mod shell;
mod validators;
mod workspace;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use shell::Outcome;

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = repository()?;
    match words.as_slice() {
        ["test"] => test(&root),
        ["screenshots"] => page::screenshots(&root),
        ["load"] => load::run(&root),
        ["management-load"] => packages::ensure().and_then(|()| management_load::run(&root)),
        ["deletion"] => deletion::run(&root, deletion::SECONDS),
        ["deletion", "--seconds", seconds] => deletion::run(&root, seconds),
        ["validators"] => packages::ensure().and_then(|()| validators::run(&root)),
        ["advisories"] => deny::advisories(&root),
        _ => Err(
            "usage: cargo xtask test | load | management-load | deletion [--seconds N] | validators | screenshots | advisories"
                .to_owned(),
        ),
    }
}

fn test(root: &Path) -> Outcome {
    packages::ensure()?;
    let cluster = postgres::Cluster::start()?;
    workspace::check(root, &cluster)?;
    clients::run(root, &cluster)?;
    page::run(root)?;
    validators::run(root)?;
    deny::check(root)?;
    shell::announce("every step passed");
    Ok(())
}

fn repository() -> Result<PathBuf, String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .parent()
        .map(Path::to_owned)
        .ok_or_else(|| "xtask lies outside a repository".to_owned())
}
