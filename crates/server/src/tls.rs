//! TLS: loading a certificate, and making one for the demo.

use std::{
    fs::{self, File},
    io::BufReader,
    path::Path,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};
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
    let authority = CertifiedIssuer::self_signed(authority()?, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = server_certificate()?.signed_by(&key, &authority)?;
    fs::write(dir.join("tls-cert.pem"), certificate.pem())?;
    keystore::write_private(&dir.join("tls-key.pem"), key.serialize_pem().as_bytes())?;
    fs::write(dir.join("tls-ca.pem"), authority.pem())?;
    Ok(())
}

/// RFC 5280: a CA says so (section 4.2.1.9), which its key may sign (4.2.1.3), and by what it is found (4.2.1.2).
fn authority() -> Outcome<CertificateParams> {
    let mut parameters = named("wmda-auth demo authority", Vec::new())?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(parameters)
}

/// RFC 5280 section 4.2.1.1: a certificate names the key that signed it; strict validators insist.
fn server_certificate() -> Outcome<CertificateParams> {
    let mut parameters = named("localhost", vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    parameters.is_ca = IsCa::ExplicitNoCa;
    parameters.use_authority_key_identifier_extension = true;
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(parameters)
}

fn named(common_name: &str, alternatives: Vec<String>) -> Outcome<CertificateParams> {
    let mut parameters = CertificateParams::new(alternatives)?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters
        .distinguished_name
        .push(DnType::CommonName, common_name);
    Ok(parameters)
}
