//! What the server refuses at start-up: before its port is bound, with a sentence that names the file or the key and
//! the remedy, and never the file's contents.

mod configuration;
mod database;
mod files;
mod folder;
mod white_space;

use std::{path::Path, process::Command};

use crate::support::{binary, succeeded};
use folder::Folder;

pub fn psql(url: &str, statements: &str) {
    let folder = std::env::var("WMDA_AUTH_TEST_POSTGRES_BIN").unwrap_or_default();
    succeeded(Command::new(Path::new(&folder).join("psql")).args([url, "-qc", statements]));
}

/// Control for all tests here: with nothing else broken, the taken port is reported.
#[test]
fn a_port_that_is_taken_is_named() {
    let folder = Folder::prepare();
    let port = folder.port.local_addr().unwrap().port().to_string();
    for command in ["serve", "check"] {
        let text = folder.refusal(command, "taken port");
        for expected in ["server.bind", port.as_str(), "in use", "choose another port"] {
            assert!(text.contains(expected), "{command}: {text}");
        }
    }
}

#[test]
fn the_version_names_product_number_and_commit() {
    let line = succeeded(binary().arg("--version"));
    let commit = line
        .trim()
        .strip_prefix(concat!("wmda-auth ", env!("CARGO_PKG_VERSION"), " (commit "))
        .and_then(|rest| rest.strip_suffix(")"))
        .unwrap_or_else(|| panic!("{line}"));
    let is_commit = commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_commit || commit == "unknown", "{line}");
}
