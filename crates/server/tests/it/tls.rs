//! The certificate of `demo --tls`: what validators by the letter of RFC 5280 refuse, some clients refuse too.

use std::process::{Command, Stdio};

use crate::support::{Demo, finished};

/// What `openssl verify` says of the demo's certificate for a TLS server, by the letter.
fn verified(demo: &Demo, name: &[&str]) -> String {
    let file = |name: &str| demo.data_dir().join(name);
    let mut openssl = Command::new("openssl");
    openssl.args(["verify", "-x509_strict", "-purpose", "sslserver"]);
    openssl.args(name).arg("-CAfile").arg(file("tls-ca.pem"));
    let output = finished(openssl.arg(file("tls-cert.pem")));
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap()
}

#[test]
fn the_certificate_of_the_demo_passes_strict_validation_for_its_names_and_no_other() {
    let demo = Demo::tls();
    for name in [["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"]] {
        let said = verified(&demo, &name);
        assert!(said.trim_end().ends_with("tls-cert.pem: OK"), "{name:?}: {said}");
    }
    let said = verified(&demo, &["-verify_hostname", "example.org"]);
    assert!(said.contains("hostname mismatch"), "{said}");
}

/// As Python does from 3.13 on, over a connection.
#[test]
fn a_client_that_validates_strictly_connects() {
    let demo = Demo::tls();
    let address = demo.base.strip_prefix("https://").unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args([
        "s_client",
        "-x509_strict",
        "-verify_return_error",
        "-connect",
        address,
    ]);
    openssl.args(["-verify_ip", "127.0.0.1", "-CAfile"]);
    openssl.arg(demo.data_dir().join("tls-ca.pem"));
    let output = finished(openssl.stdin(Stdio::null()));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
}
