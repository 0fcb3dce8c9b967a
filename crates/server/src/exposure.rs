//! Warnings about secret files that others can read. The group may, as mounted secrets have one.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::configuration::Configuration;

const OTHERS: u32 = 0o007;

/// A sentence for each, with the remedy.
pub fn warnings(configuration: &Configuration) -> Vec<String> {
    let database = configuration.database.url.strip_prefix("sqlite:");
    let database = database.map(|path| Path::new(path.strip_prefix("//").unwrap_or(path)));
    let oidc = configuration.identity.oidc.as_ref();
    let private = [
        Some(configuration.secrets.pepper_file.as_path()),
        configuration.server.tls_key.as_deref(),
        configuration.keys.passphrase_file.as_deref(),
        database,
        Some(configuration.mail.directory.as_path()),
        configuration.keys.passphrase_file.as_deref(),
        configuration.database.password_file.as_deref(),
        configuration.mail.smtp_password_file.as_deref(),
        oidc.and_then(|oidc| oidc.client_secret_file.as_deref()),
    ];
    let exposed = private.into_iter().flatten().filter(|path| is_exposed(path));
    exposed
        .map(|path| {
            let path = path.display();
            format!("{path}: everybody on this machine can read it; run chmod o-rwx {path}")
        })
        .collect()
}

/// Whether others can read it; a missing file is reported elsewhere.
fn is_exposed(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & OTHERS != 0)
}
