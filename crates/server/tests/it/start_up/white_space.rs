//! Invisible white space: trimmed around a value, refused within one.

use std::fs;

use tempfile::TempDir;

use crate::support::{Demo, binary, finished};

/// A tab in the issuer, a line end in the database's address: such mistakes in a configuration are invisible.
#[test]
fn white_space_around_a_value_is_dropped_for_every_key_alike() {
    let dir = TempDir::new().unwrap();
    let database = format!("sqlite:{}\n", dir.path().join("spaced.db").display());
    let demo = Demo::start_with(
        Some(&database),
        &[
            ("WMDA_AUTH__SERVER__PUBLIC_URL", "\thttp://127.0.0.1:9\t"),
            ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", " 127.0.0.1 ,\t10.0.0.0/8\n"),
            ("WMDA_AUTH__ENTRA__TENANT_ID", "\u{a0}tenant-7.example "),
            ("WMDA_AUTH__ENTRA__TENANT_ALIASES", " a.example ,b.example\n"),
            ("WMDA_AUTH__TOKENS__LIFETIME_SECONDS", " 120 "),
            ("WMDA_AUTH__TOKENS__SIGNING_ALGORITHM", " RS256\n"),
            ("WMDA_AUTH__MAIL__SMTP_URL", " \t"),
        ],
    );
    assert_eq!(
        (demo.base.as_str(), demo.tenant.as_str()),
        ("http://127.0.0.1:9", "tenant-7.example")
    );
    assert!(dir.path().join("spaced.db").exists(), "and no other file");
    assert_eq!(
        fs::read_dir(dir.path())
            .unwrap()
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                !name.to_string_lossy().starts_with("spaced.db")
            })
            .count(),
        0
    );
}

#[test]
fn white_space_within_an_address_or_a_tenant_is_refused() {
    for (name, value, key) in [
        (
            "WMDA_AUTH__SERVER__PUBLIC_URL",
            "https://auth.example\t.org",
            "server.public_url",
        ),
        ("WMDA_AUTH__ENTRA__TENANT_ID", "a b", "entra.tenant_id"),
        (
            "WMDA_AUTH__ENTRA__TENANT_ALIASES",
            "a.example,b/c",
            "entra.tenant_aliases",
        ),
    ] {
        let output = finished(binary().arg("check").env(name, value));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(key), "{text}");
    }
}
