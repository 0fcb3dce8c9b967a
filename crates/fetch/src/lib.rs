//! HTTPS requests to URLs given by members: webhook receivers, and published keys. Protected against SSRF: no private
//! addresses, no redirects, no proxies; bounded in time and in the size of the answer.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use domain::webhook::{is_public, parse_url};
use reqwest::{
    StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

/// Time-out of a request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Limit of an answer: more than any JWKS needs.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Why the client can't be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP client can't be set up.
    #[error("the HTTP client can't be set up: {0}")]
    Client(#[from] reqwest::Error),
}

/// A client that trusts the system's certificate authorities, follows no redirects, uses no proxy, and connects to
/// public addresses only, unless private ones are allowed.
///
/// # Errors
/// When TLS or the client can't be set up.
pub fn client(allow_private: bool) -> Result<reqwest::Client, ClientError> {
    client_by(SystemNames, allow_private)
}

fn client_by(names: impl Resolve + 'static, allow_private: bool) -> Result<reqwest::Client, ClientError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(reqwest::Client::builder()
        .use_preconfigured_tls(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(PublicNames { names, allow_private }))
        .connect_timeout(TIMEOUT)
        .timeout(TIMEOUT)
        .build()?)
}

/// The system's resolver.
struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Filters private addresses out of a resolution, at the time of connecting, so that DNS rebinding between check and
/// use gains nothing.
struct PublicNames<N> {
    names: N,
    allow_private: bool,
}

/// The name resolves to no public address.
#[derive(Debug, thiserror::Error)]
#[error("the name stands for no public address; webhooks.allow_private = true would allow it")]
struct NotPublic;

impl<N: Resolve> Resolve for PublicNames<N> {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, allow_private) = (self.names.resolve(name), self.allow_private);
        Box::pin(async move {
            let good: Vec<SocketAddr> = found
                .await?
                .filter(|address| allow_private || is_public(address.ip()))
                .collect();
            if good.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

/// Fetches documents.
pub struct Fetcher {
    client: reqwest::Client,
    allow_private: bool,
}

impl Fetcher {
    /// Builds a client of its own.
    ///
    /// # Errors
    /// See [`client`].
    pub fn new(allow_private: bool) -> Result<Self, ClientError> {
        Ok(Self {
            client: client(allow_private)?,
            allow_private,
        })
    }

    /// The body at a URL, 64 KiB at most.
    ///
    /// # Errors
    /// A text for the log, without the URL.
    pub async fn get(&self, url: &str) -> Result<Vec<u8>, String> {
        let url = parse_url(url, self.allow_private).map_err(|error| error.to_string())?;
        let asked = self.client.get(url).header("accept", "application/json").send();
        let mut answer = asked.await.map_err(|error| described(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answered {}", answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| described(&error))? {
            if body.len() + part.len() > LONGEST_ANSWER {
                return Err("its answer is longer than 64 KiB".to_owned());
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }
}

/// The error without its URL, which may hold a receiver's secret.
pub fn described(error: &reqwest::Error) -> String {
    let mut text = "it can't be reached".to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text.chars().filter(|one| !one.is_control()).take(300).collect()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the real time is what is waited for")]
mod tests;
