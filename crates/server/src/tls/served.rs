//! The certificate for new connections: reloaded when its files change, so that a renewal needs no restart.

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

/// The certificate's files, and the host that it must be for.
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub host: String,
}

/// TLS 1.3, and the cipher suites of TLS 1.2 that BCP 195 recommends: FAPI 2.0 §5.2.2 allows no others.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider
        .cipher_suites
        .retain(|suite| suite.version() != &TLS12 || RECOMMENDED.contains(&suite.suite()));
    provider
}

/// The recommended cipher suites (RFC 9325 §4.2).
const RECOMMENDED: [CipherSuite; 4] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];

/// The files' contents, to detect changes; the key itself is not kept.
type Seen = [Vec<u8>; 2];

/// The current certificate.
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
    /// Loads the files for the first time.
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

    /// Why clients would reject the current certificate.
    pub fn problem(&self, now: DateTime<Utc>) -> Option<String> {
        let told = self.current.load().problem(&self.files.host, now);
        told.map(|told| self.named(&told))
    }

    /// A warning if it expires soon.
    pub fn ends_soon(&self, now: DateTime<Utc>) -> Option<String> {
        let told = self.current.load().ends_soon(now);
        told.map(|told| self.named(&told))
    }

    /// When it expires.
    pub fn not_after(&self) -> DateTime<Utc> {
        self.current.load().not_after
    }

    /// Reloads changed files, unless they are broken or clients would reject them while the current certificate
    /// works. Certificate and key are rarely written at the same instant; the next check finds both.
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

/// The files' contents; an unreadable one counts as empty, so that it differs once it can be read.
fn look(files: &Files) -> Seen {
    [&files.certificate, &files.key].map(|path| {
        let text = fs::read(path).unwrap_or_default();
        digest(&SHA256, &text).as_ref().to_vec()
    })
}
