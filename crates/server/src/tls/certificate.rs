//! A certificate chain with its key, from two PEM files, and the checks that clients make.

use std::{fs::File, io::BufReader, path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use rustls::{
    client::verify_server_name,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use x509_parser::parse_x509_certificate;

use crate::Outcome;

/// Automatic renewal happens earlier: a certificate this close to expiry has been forgotten.
const SOON: TimeDelta = TimeDelta::days(14);

/// The certificate that the server presents, and its validity.
pub struct Certificate {
    pub key: Arc<CertifiedKey>,
    pub not_before: DateTime<Utc>,
    pub not_after: DateTime<Utc>,
}

impl Certificate {
    /// Loads and checks the pair.
    pub fn load(certificate: &Path, key: &Path) -> Outcome<Self> {
        let chain = chain(certificate)?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
        let leaf = chain
            .first()
            .cloned()
            .unwrap_or_else(|| CertificateDer::from(Vec::new()));
        let (_, parsed) = parse_x509_certificate(&leaf).map_err(|error| wrong(certificate, &error))?;
        let instant = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        let (not_before, not_after) = (
            instant(parsed.validity().not_before.timestamp()),
            instant(parsed.validity().not_after.timestamp()),
        );
        let key = CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider())
            .map_err(|error| wrong(certificate, &error))?;
        Ok(Self {
            key: Arc::new(key),
            not_before,
            not_after,
        })
    }

    /// Why clients of this host would reject it now.
    pub fn problem(&self, host: &str, now: DateTime<Utc>) -> Option<String> {
        if now > self.not_after {
            return Some(format!(
                "the certificate expired on {}: renew it",
                day(self.not_after)
            ));
        }
        if now < self.not_before {
            let from = day(self.not_before);
            return Some(format!(
                "the certificate is valid from {from} on only: check the clock, or use another one"
            ));
        }
        let leaf = self.key.cert.first()?;
        let name = ServerName::try_from(host.to_owned()).ok()?;
        let parsed = ParsedCertificate::try_from(leaf).ok()?;
        verify_server_name(&parsed, &name).err().map(|_| {
            format!("the certificate is not for {host}, the host of server.public_url: get one that names it")
        })
    }

    /// A warning if it expires soon.
    pub fn ends_soon(&self, now: DateTime<Utc>) -> Option<String> {
        let soon = self.not_after - now < SOON;
        soon.then(|| {
            format!(
                "the certificate expires on {}: renew it, no restart is needed",
                day(self.not_after)
            )
        })
    }
}

fn day(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The certificate chain.
pub fn chain(certificate: &Path) -> Outcome<Vec<CertificateDer<'static>>> {
    let file = File::open(certificate).map_err(|error| wrong(certificate, &error))?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_reader_iter(BufReader::new(file))
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(certificate, &error))?;
    match chain.is_empty() {
        true => Err(wrong(certificate, &"it holds no certificate").into()),
        false => Ok(chain),
    }
}

fn wrong(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!(
        "{}: {error}; server.tls_cert is a PEM file with the certificate and its chain, server.tls_key one with its private key",
        path.display()
    )
}
