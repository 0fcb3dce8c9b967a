//! Secrets in files of their own, as containers, Kubernetes and systemd provide them.

use std::{fs, path::Path};

use crate::Outcome;

/// The file's content, trimmed; an error names the key and the file, never the content.
pub fn read(key: &str, path: &Path) -> Outcome<String> {
    let file = path.display();
    let text = fs::read_to_string(path).map_err(|error| {
        format!("{key} {file}: {error}; put the secret into this file, readable by the server's user")
    })?;
    match text.trim() {
        "" => Err(format!("{key} {file}: the file is empty; put the secret into it").into()),
        secret => Ok(secret.to_owned()),
    }
}
