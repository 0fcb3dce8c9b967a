//! The certificate that new connections get: read again when its files change, so that a renewal needs no restart.

use std::{fmt, fs, path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use domain::Clock;
use ring::digest::{SHA256, digest};
use rustls::{
    CipherSuite, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::TLS12,
};

use super::Certificate;
use crate::Outcome;

/// Where the certificate is, and whom it must be for.
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub host: String,
}

/// TLS 1.3, and of TLS 1.2 what BCP 195 recommends: FAPI 2.0 §5.2.2 allows nothing else.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider
        .cipher_suites
        .retain(|suite| suite.version() != &TLS12 || RECOMMENDED.contains(&suite.suite()));
    provider
}

/// RFC 9325 §4.2.
const RECOMMENDED: [CipherSuite; 4] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];

/// What the files held, for comparison; the key itself is not kept.
type Seen = [Vec<u8>; 2];

/// The certificate that is used now.
pub struct Served {
    files: Files,
    current: ArcSwap<Certificate>,
    seen: ArcSwap<Seen>,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Served({})", self.files.certificate.display())
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.load().key))
    }
}

impl Served {
    /// Reads the files for the first time.
    pub fn load(files: Files) -> Outcome<Self> {
        let seen = look(&files);
        let certificate = Certificate::load(&files.certificate, &files.key)?;
        Ok(Self {
            files,
            current: ArcSwap::from_pointee(certificate),
            seen: ArcSwap::from_pointee(seen),
        })
    }

    /// A configuration that presents whatever is current. Sessions are resumed by tickets, whose keys change every six hours
    /// (RFC 5077 §4, RFC 8446 §4.6.1): the server remembers nothing of them, however many members connect.
    pub fn configuration(self: &Arc<Self>) -> Outcome<ServerConfig> {
        let mut configuration = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as _);
        configuration.ticketer = aws_lc_rs::Ticketer::new()?;
        Ok(configuration)
    }

    /// Why clients refuse what is used now.
    pub fn problem(&self, now: DateTime<Utc>) -> Option<String> {
        let told = self.current.load().problem(&self.files.host, now);
        told.map(|told| self.named(&told))
    }

    /// Whether it is time to renew it.
    pub fn ends_soon(&self, now: DateTime<Utc>) -> Option<String> {
        let told = self.current.load().ends_soon(now);
        told.map(|told| self.named(&told))
    }

    /// When clients begin to refuse it.
    pub fn not_after(&self) -> DateTime<Utc> {
        self.current.load().not_after
    }

    /// Looks at the files, and uses what they hold if they have changed: not what is broken or would be refused, while
    /// the one before works. Certificate and key are rarely written at the same instant; the next look finds both.
    pub fn refresh(&self, clock: &dyn Clock) {
        let found = look(&self.files);
        if found == **self.seen.load() {
            return;
        }
        self.seen.store(Arc::new(found));
        let loaded = Certificate::load(&self.files.certificate, &self.files.key);
        let usable = loaded.map_err(|error| error.to_string()).and_then(|loaded| {
            match loaded.problem(&self.files.host, clock.now()) {
                Some(problem) => Err(self.named(&problem)),
                None => Ok(loaded),
            }
        });
        match usable {
            Ok(certificate) => {
                log::info!("TLS certificate read anew, valid until {}", certificate.not_after);
                self.current.store(Arc::new(certificate));
            }
            Err(error) => log::error!("TLS certificate not read anew, the one before stays: {error}"),
        }
    }

    fn named(&self, told: &str) -> String {
        format!("server.tls_cert {}: {told}", self.files.certificate.display())
    }
}

/// A file that can't be read looks like nothing: once it can, it has changed.
fn look(files: &Files) -> Seen {
    [&files.certificate, &files.key].map(|path| {
        let text = fs::read(path).unwrap_or_default();
        digest(&SHA256, &text).as_ref().to_vec()
    })
}
