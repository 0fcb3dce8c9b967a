//! `sslmode` and `sslrootcert` of `database.url`, against a PostgreSQL with TLS.

use std::{fs, path::Path};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::support::{binary, cluster::Cluster, finished};

/// How often a command is run: none may crash at exit.
const RUNS: usize = 30;

/// A CA that signs certificates.
pub fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// Standard error of `wmda-auth migrate`, empty when it succeeds.
fn refusal(dir: &Path, url: &str) -> String {
    let mut migrate = binary();
    migrate.arg("migrate").current_dir(dir);
    let output = finished(migrate.env("WMDA_AUTH__DATABASE__URL", url));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(i32::from(!text.is_empty())), "{text}");
    text
}

#[test]
fn who_the_database_is_is_checked_as_sslmode_says() {
    let dir = TempDir::new().unwrap();
    let (issuer, stranger) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    let database = Cluster::primary("");
    database.encrypt(&certificate.pem(), &key.serialize_pem());
    let file = |name: &str, text: String| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        format!("sslrootcert={}", path.display())
    };
    let right = file("right.pem", issuer.pem());
    let wrong = file("wrong.pem", stranger.pem());
    let pinned = file("pinned.pem", certificate.pem());
    let url =
        |host: &str, query: &str| format!("postgres://postgres@{host}:{}/postgres?{query}", database.port);
    for (host, query) in [
        ("localhost", format!("sslmode=verify-full&{right}")),
        ("127.0.0.1", format!("sslmode=verify-ca&{right}")),
        ("localhost", format!("sslmode=verify-full&{pinned}")),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("127.0.0.1", "sslmode=disable".to_owned()),
    ] {
        assert_eq!(refusal(dir.path(), &url(host, &query)), "", "{host} {query}");
    }
    for (host, query) in [
        ("127.0.0.1", format!("sslmode=verify-full&{right}")),
        ("localhost", format!("sslmode=verify-ca&{wrong}")),
        ("localhost", format!("sslmode=require&{wrong}")),
        ("localhost", "sslmode=verify-full&sslrootcert=system".to_owned()),
    ] {
        let text = refusal(dir.path(), &url(host, &query));
        assert!(text.contains("certificate"), "{host} {query}: {text}");
    }
    let missing = refusal(
        dir.path(),
        &url("localhost", "sslmode=verify-full&sslrootcert=/nowhere.pem"),
    );
    assert!(missing.contains("sslrootcert /nowhere.pem"), "{missing}");
    for _ in 0..RUNS {
        assert_eq!(
            refusal(
                dir.path(),
                &url("localhost", &format!("sslmode=verify-full&{right}"))
            ),
            ""
        );
    }
    let encrypted = "SELECT count(*) FROM pg_stat_ssl WHERE ssl AND pid <> pg_backend_pid()";
    assert_eq!(
        database.query(encrypted),
        "0",
        "every command has taken its leave"
    );
}
