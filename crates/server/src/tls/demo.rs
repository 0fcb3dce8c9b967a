//! A certificate for loopback and the CA that signs it: for the demo.

use std::{fs, path::Path};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose,
};

use crate::Outcome;

/// Generates CA and certificate in the folder, unless they exist.
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

/// RFC 5280: the CA has basic constraints (section 4.2.1.9), key usage (4.2.1.3) and a subject key identifier
/// (4.2.1.2).
fn authority() -> Outcome<CertificateParams> {
    let mut parameters = named("wmda-auth demo authority", Vec::new())?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(parameters)
}

/// RFC 5280 section 4.2.1.1: the authority key identifier, which strict validators require.
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
