//! HTTP/2 is not offered: one connection could request thousands of answers and read none.

use std::{io::Write, net::TcpStream, process::Command, sync::Arc};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use super::wire;
use crate::support::{Demo, succeeded};

/// The negotiated ALPN protocol, if any.
fn agreed(demo: &Demo, offered: &[&str]) -> Option<String> {
    let mut roots = RootCertStore::empty();
    let authority = demo.data_dir().join("tls-ca.pem");
    roots
        .add(CertificateDer::from_pem_file(authority).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut stream = TcpStream::connect(demo.address()).unwrap();
    while client.is_handshaking() {
        client.complete_io(&mut stream).ok()?;
    }
    let protocol = client.alpn_protocol()?;
    Some(String::from_utf8(protocol.to_vec()).unwrap())
}

#[test]
fn x01_tls_agrees_on_http_1_alone() {
    let demo = Demo::start_by("exec \"$@\"", &["--tls"], &[]);
    assert_eq!(agreed(&demo, &["h2", "http/1.1"]).as_deref(), Some("http/1.1"));
    assert_eq!(agreed(&demo, &["h2"]), None);
    // A client that prefers HTTP/2 falls back, and gets its POST refused like any other.
    let authority = demo.data_dir().join("tls-ca.pem");
    let mut curl = Command::new("curl");
    curl.args([
        "-s",
        "--http2",
        "-d",
        "grant_type=none",
        "-w",
        " %{http_version} %{http_code}",
        "--cacert",
    ])
    .arg(authority)
    .arg(demo.url("/oauth2/token"));
    let told = succeeded(&mut curl);
    assert!(told.ends_with(" 1.1 400"), "{told}");
}

#[test]
fn x01_http_2_without_tls_is_refused() {
    let demo = Demo::sqlite();
    let mut stream = wire::connect(demo.address());
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    let text = wire::read(&mut stream, |_| false);
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
}
