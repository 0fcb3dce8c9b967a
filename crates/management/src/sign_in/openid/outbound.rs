//! The HTTP client for the provider: bounded in time and size, without redirects, https only if the issuer is https.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use oauth2::{
    AccessToken, AsyncHttpClient, HttpRequest, HttpResponse,
    http::{
        self, HeaderMap, StatusCode,
        header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
    },
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use url::Url;

/// The media type of JSON.
pub(super) const JSON: &str = "application/json";

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
    /// A status other than 200.
    #[error("Server returned invalid response: HTTP status code {0} at {1}")]
    Status(StatusCode, Url),
    /// Not the media type that was asked for.
    #[error("Server returned invalid response: unexpected response Content-Type at {0}")]
    MediaType(Url),
    /// TLS can't be set up.
    #[error("{0}")]
    Tls(#[from] rustls::Error),
    /// Our own address is no URL.
    #[error("{0}")]
    RedirectUri(#[from] url::ParseError),
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

    /// The body of a 200 in one of these media types.
    pub(super) async fn get(
        &self,
        url: &Url,
        bearer: Option<&AccessToken>,
        media_types: &[&str],
    ) -> Result<Vec<u8>, OutboundError> {
        let mut request = http::Request::get(url.as_str()).header(ACCEPT, JSON);
        if let Some(token) = bearer {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.secret()));
        }
        let answer = self.exchange(request.body(Vec::new())?).await?;
        if answer.status() != StatusCode::OK {
            return Err(OutboundError::Status(answer.status(), url.clone()));
        }
        if !has_media_type(answer.headers(), media_types) {
            return Err(OutboundError::MediaType(url.clone()));
        }
        Ok(answer.into_body())
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

/// Whether the body is of one of these media types (RFC 9110 section 8.3); unless declared, it is.
fn has_media_type(headers: &HeaderMap, media_types: &[&str]) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|declared| {
        let declared = declared.to_str().unwrap_or_default();
        let essence = declared.split(';').next().unwrap_or_default().trim();
        media_types.iter().any(|one| one.eq_ignore_ascii_case(essence))
    })
}

impl<'c> AsyncHttpClient<'c> for Outbound {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.exchange(request))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;

    /// An address that answers once with this head and body.
    fn answering(head: &'static str, body: Vec<u8>) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _length = stream.read(&mut [0; 4096]).unwrap();
            let head = format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n");
            // The client hangs up when it has read enough.
            let _sent = stream.write_all(&[head.as_bytes(), &body].concat());
        });
        url.parse().unwrap()
    }

    async fn got(head: &'static str, body: Vec<u8>) -> Result<Vec<u8>, OutboundError> {
        let url = answering(head, body);
        Outbound::new(false).unwrap().get(&url, None, &[JSON]).await
    }

    #[tokio::test]
    async fn x02_an_endless_answer_is_cut_off() {
        let json = "200 OK\r\ncontent-type: application/json; charset=utf-8";
        assert_eq!(got(json, vec![b' '; MAX_BODY]).await.unwrap().len(), MAX_BODY);
        let refused = got(json, vec![b' '; MAX_BODY + 1]).await;
        assert!(matches!(refused, Err(OutboundError::TooLong)));
    }

    #[tokio::test]
    async fn w05_only_a_200_in_json_is_an_answer() {
        assert!(got("200 OK", b"{}".to_vec()).await.is_ok());
        let redirect = got("302 Found\r\nlocation: http://127.0.0.1/", Vec::new()).await;
        assert!(matches!(
            redirect,
            Err(OutboundError::Status(StatusCode::FOUND, _))
        ));
        for other in ["text/html", "application/jwt", "application/jsonx", ""] {
            let head: &'static str = format!("200 OK\r\ncontent-type: {other}").leak();
            let refused = got(head, b"{}".to_vec()).await;
            assert!(matches!(refused, Err(OutboundError::MediaType(_))), "{other}");
        }
    }

    #[tokio::test]
    async fn w05_an_https_issuer_leads_to_https_only() {
        let url = answering("200 OK", b"{}".to_vec());
        let refused = Outbound::new(true).unwrap().get(&url, None, &[JSON]).await;
        assert!(matches!(refused, Err(OutboundError::Http(_))));
    }
}
