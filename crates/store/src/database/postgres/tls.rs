//! TLS to PostgreSQL by rustls over aws-lc-rs, with libpq's `sslmode` semantics.

use std::{path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};

use super::url::{Tls, TlsMode};

/// The value of `sslrootcert` that selects the system's certificate authorities.
const SYSTEM: &str = "system";

/// Builds the TLS configuration from the files that the URL names; an error is a sentence.
pub(super) fn client(tls: &Tls) -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = verifier(tls, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match (&tls.certificate, &tls.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate, "sslcert")?;
            let private = PrivateKeyDer::from_pem_file(key).map_err(|error| named("sslkey", key, &error))?;
            builder
                .with_client_auth_cert(chain, private)
                .map_err(|error| named("sslcert", certificate, &error))
        }
        _ => Err("sslcert and sslkey go together: set both or none".to_owned()),
    }
}

/// As in libpq, for backward compatibility, `require` with a root certificate file verifies the authority.
fn mode(tls: &Tls) -> TlsMode {
    match (tls.mode, &tls.authorities) {
        (TlsMode::Require, Some(_)) => TlsMode::VerifyAuthority,
        (mode, _) => mode,
    }
}

fn verifier(tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Verifier, String> {
    let mut verifier = Verifier {
        known: None,
        pinned: Vec::new(),
        any_name: mode(tls) < TlsMode::VerifyFull,
        provider: Arc::clone(provider),
    };
    if mode(tls) < TlsMode::VerifyAuthority {
        return Ok(verifier);
    }
    let mut store = RootCertStore::empty();
    match tls.authorities.as_ref().filter(|path| path.as_os_str() != SYSTEM) {
        Some(path) => {
            verifier.pinned = certificates(path, "sslrootcert")?;
            for certificate in &verifier.pinned {
                let added = store.add(certificate.clone());
                added.map_err(|error| named("sslrootcert", path, &error))?;
            }
        }
        None => drop(store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    if store.is_empty() {
        return Err("the system knows no certificate authorities: name a file in sslrootcert".to_owned());
    }
    let known = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider)).build();
    verifier.known = Some(known.map_err(|error| error.to_string())?);
    Ok(verifier)
}

fn certificates(path: &Path, parameter: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| named(parameter, path, &error))?;
    match found.is_empty() {
        true => Err(named(parameter, path, &"it holds no certificate")),
        false => Ok(found),
    }
}

fn named(parameter: &str, path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{parameter} {}: {error}", path.display())
}

/// Verifies the server's certificate as far as `sslmode` demands.
#[derive(Debug)]
struct Verifier {
    /// `None` accepts any certificate.
    known: Option<Arc<WebPkiServerVerifier>>,
    /// The certificates in `sslrootcert`: the server's own may be among them although it claims to be an authority's,
    /// as those made by `openssl req -x509` do.
    pinned: Vec<CertificateDer<'static>>,
    /// Whether the host name may differ.
    any_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(known) = &self.known else {
            return Ok(ServerCertVerified::assertion());
        };
        if self.pinned.contains(end_entity) {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            if !self.any_name {
                verify_server_name(&certificate, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        // webpki checks the name last, so a name error means that an authority has vouched for the certificate.
        match known.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
