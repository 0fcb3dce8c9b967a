//! The configuration: unknown keys, values out of bounds, an unreadable file.

use std::fs;

use super::folder::{SENTINEL, case, check, overwrite};

#[test]
fn an_unknown_configuration_key_is_refused() {
    check(vec![
        case(
            "in the file",
            |folder| {
                folder.set("server", &format!("nope = \"{SENTINEL}\""));
                "server.nope".to_owned()
            },
            "public_url",
        ),
        case(
            "a section",
            |folder| {
                folder.set("nope", "x = 1");
                "nope".to_owned()
            },
            "server",
        ),
        case(
            "in the environment",
            |folder| {
                folder
                    .environment
                    .push(("WMDA_AUTH__TOKENS__NOPE", SENTINEL.to_owned()));
                "tokens.nope".to_owned()
            },
            "lifetime_seconds",
        ),
    ]);
}

/// Sets one line, and expects the error to name its section and key.
macro_rules! bad {
    ($section:literal, $key:literal, $value:expr, $advice:literal) => {
        case(
            concat!($section, ".", $key, " = ", $value),
            |folder| {
                folder.set($section, concat!($key, " = ", $value));
                concat!($section, ".", $key).to_owned()
            },
            $advice,
        )
    };
}

#[test]
fn a_bad_value_is_refused() {
    check(vec![
        bad!(
            "server",
            "public_url",
            "\"http://auth.example.org\"",
            "must be https"
        ),
        bad!(
            "server",
            "public_url",
            "\"http://127.0.0.1.evil.example\"",
            "must be https"
        ),
        bad!("server", "public_url", "\"ftp://127.0.0.1\"", "must be https"),
        bad!(
            "server",
            "public_url",
            "\"auth.example.org\"",
            "https://auth.example.org"
        ),
        bad!(
            "server",
            "public_url",
            "\"https://auth.example.org/\"",
            "without a path"
        ),
        bad!(
            "server",
            "public_url",
            "\"https://auth..example.org\"",
            "domain name"
        ),
        bad!("server", "bind", "\"nonsense\"", "0.0.0.0:8443"),
        bad!("server", "bind", "\"0.0.0.0:99999\"", "0.0.0.0:8443"),
        bad!("server", "metrics_bind", "\"9090\"", "0.0.0.0:8443"),
        bad!("database", "pool_size", "0", "between 1 and 500"),
        bad!("database", "pool_size", "10000", "between 1 and 500"),
        bad!("entra", "tenant_id", "\"c3ab1869-1472\"", "must be a GUID"),
        bad!("server", "trusted_proxies", "[\"nobody\"]", "address or network"),
        bad!("server", "tls_cert", "\"cert.pem\"", "server.tls_key"),
        bad!("server", "workers", "0", "at least 1"),
        bad!("server", "workers", "\"sentinel7Hk2Qw\"", "an integer"),
        bad!(
            "database",
            "url",
            "\"mysql://sentinel7Hk2Qw@127.0.0.1/x\"",
            "sqlite:"
        ),
        bad!(
            "database",
            "url",
            "\"postgres://x:sentinel7Hk2Qw@127.0.0.1:1/x\"",
            "Is the server running"
        ),
        bad!(
            "database",
            "url",
            "\"sqlite:/nowhere/at/all.db\"",
            "wmda-auth migrate"
        ),
        bad!("database", "pool_size", "\"many\"", "an integer"),
        bad!("tokens", "lifetime_seconds", "59", "between 60 and 86400"),
        bad!("tokens", "lifetime_seconds", "86401", "between 60 and 86400"),
        bad!("tokens", "lifetime_seconds", "\"long\"", "an integer"),
        bad!("tokens", "signing_algorithm", "\"HS256\"", "ES256"),
        bad!("cache", "lease_ms", "100", "cache.poll_ms"),
        bad!("cache", "poll_ms", "0", "at least 10"),
        bad!("cache", "poll_ms", "300", "half of cache.lease_ms"),
        bad!("cache", "lease_ms", "60000", "between 100 and 5000"),
        bad!("log", "format", "\"xml\"", "json"),
    ]);
}

#[test]
fn a_configuration_file_that_cannot_be_read_is_named() {
    check(vec![
        case(
            "bad TOML",
            |folder| {
                let path = folder.path("wmda-auth.toml");
                folder.file_is_given = true;
                overwrite(&path, &format!("[database]\nurl = \"{SENTINEL}\nx = 1\n"))
            },
            "line 2",
        ),
        case(
            "missing",
            |folder| {
                let path = folder.path("wmda-auth.toml");
                folder.file_is_given = true;
                fs::remove_file(&path).unwrap();
                path.display().to_string()
            },
            "not found",
        ),
    ]);
}
