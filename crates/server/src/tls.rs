//! TLS: loading a certificate, and making one for the demo.

use std::{
    fs::{self, File},
    io::BufReader,
    path::Path,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::Outcome;

/// A server configuration from PEM files.
pub fn load(certificate: &Path, key: &Path) -> Outcome<ServerConfig> {
    let named = |path: &Path, error: &dyn std::fmt::Display| {
        format!(
            "{}: {error}; server.tls_cert is a PEM file with the certificate and its chain, server.tls_key one with its \
             private key",
            path.display()
        )
    };
    let file = File::open(certificate).map_err(|error| named(certificate, &error))?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_reader_iter(BufReader::new(file))
        .collect::<Result<_, _>>()
        .map_err(|error| named(certificate, &error))?;
    if chain.is_empty() {
        return Err(named(certificate, &"it holds no certificate").into());
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| named(key, &error))?;
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| named(certificate, &error))?)
}

/// Makes an authority and a certificate for loopback in the folder, unless they are there.
pub fn generate(dir: &Path) -> Outcome<()> {
    if dir.join("tls-ca.pem").exists() {
        return Ok(());
    }
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(rcgen::DnType::CommonName, "wmda-auth demo authority");
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    let leaf = leaf.signed_by(&key, &issuer)?;
    fs::write(dir.join("tls-cert.pem"), leaf.pem())?;
    keystore::write_private(&dir.join("tls-key.pem"), key.serialize_pem().as_bytes())?;
    fs::write(dir.join("tls-ca.pem"), issuer.pem())?;
    Ok(())
}
