//! The certificate of `demo --tls` satisfies strict validation by RFC 5280, which some clients require.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, Stream,
    client::Resumption,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};

use crate::support::{Demo, finished};

/// The output of a strict `openssl verify` of the demo's certificate for a TLS server.
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

fn client(demo: &Demo, version: &'static rustls::SupportedProtocolVersion) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(demo.data_dir().join("tls-ca.pem"));
    roots.add(authority.unwrap()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Connects, asks for something, and reads the answer to its end, behind which a ticket may come.
fn handshake(demo: &Demo, client: &Arc<ClientConfig>) -> HandshakeKind {
    let address = demo.base.strip_prefix("https://").unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut connection = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut stream = Stream::new(&mut connection, &mut socket);
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    connection.handshake_kind().unwrap()
}

#[test]
fn a_session_is_resumed_however_many_others_began_since() {
    let demo = Demo::tls();
    let mut stranger = client(&demo, &TLS13);
    stranger.resumption = Resumption::disabled();
    let stranger = Arc::new(stranger);
    let members = [&TLS12, &TLS13].map(|version| Arc::new(client(&demo, version)));
    for member in &members {
        assert_ne!(handshake(&demo, member), HandshakeKind::Resumed);
    }
    for _ in 0..200 {
        assert_ne!(handshake(&demo, &stranger), HandshakeKind::Resumed);
    }
    for member in &members {
        assert_eq!(handshake(&demo, member), HandshakeKind::Resumed);
    }
}
