//! The HTTP client for the provider: bounded in time and size, without redirects, https only if the issuer is https.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(4);
const MAX_BODY: usize = 256 * 1024;

/// Why a request failed; the text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// A connection or HTTP error, or a time-out.
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    /// The response is too long.
    #[error("the answer is longer than 256 KiB")]
    TooLong,
    /// The response can't be assembled.
    #[error("{0}")]
    Malformed(#[from] http::Error),
    /// TLS can't be set up.
    #[error("{0}")]
    Tls(#[from] rustls::Error),
}

/// The HTTP client.
pub(super) struct Outbound(reqwest::Client);

impl Outbound {
    /// A client that trusts the system's certificate authorities.
    pub(super) fn new(https_only: bool) -> Result<Self, OutboundError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .use_preconfigured_tls(tls)
            .https_only(https_only)
            .redirect(reqwest::redirect::Policy::none())
            // Each worker has a runtime of its own, so a pooled connection must not move between them.
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self(client))
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, OutboundError> {
        let mut answer = self.0.execute(request.try_into()?).await?;
        let mut built = http::Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            built = built.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BODY {
                return Err(OutboundError::TooLong);
            }
        }
        Ok(built.body(body)?)
    }
}

impl<'c> AsyncHttpClient<'c> for Outbound {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.exchange(request))
    }
}
