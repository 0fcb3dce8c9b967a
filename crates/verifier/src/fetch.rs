//! Fetching metadata, JWKS and status lists. The transport is an argument; [`HttpFetch`] is the usual one.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

/// Size limit of a document.
const MAX_BODY: usize = 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);

/// A document could not be fetched; the text is for the log.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// The result of [`Fetch::get`].
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, FetchError>> + Send + 'a>>;

/// A transport that fetches a document by its URL.
pub trait Fetch: Send + Sync {
    /// The body of a 200 answer; anything else is an error.
    fn get<'a>(&'a self, url: &'a str) -> Fetching<'a>;
}

/// HTTP with rustls; follows no redirects and trusts the system's certificate authorities.
pub struct HttpFetch(reqwest::Client);

impl HttpFetch {
    /// Trusts the system's certificate authorities.
    pub fn new() -> Result<Self, FetchError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        Self::trusting(roots)
    }

    /// Trusts these certificate authorities only.
    pub fn trusting(roots: RootCertStore) -> Result<Self, FetchError> {
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| FetchError(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .use_preconfigured_tls(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| FetchError(error.to_string()))?;
        Ok(Self(client))
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let failed = |error: reqwest::Error| FetchError(error.to_string());
        let mut answer = self.0.get(url).send().await.map_err(failed)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(FetchError(format!("{url} answered {}", answer.status())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY {
                return Err(FetchError(format!("{url} answered more than {MAX_BODY} bytes")));
            }
        }
        Ok(body)
    }
}

impl Fetch for HttpFetch {
    fn get<'a>(&'a self, url: &'a str) -> Fetching<'a> {
        Box::pin(self.fetch(url))
    }
}
