//! Mail transport: by SMTP (RFC 5321), or into a folder if no server is configured.

use std::{
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::PathBuf,
    time::Duration,
};

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    transport::smtp::{Error as SmtpError, PoolConfig},
};
use url::Url;

/// Time-out of delivering one mail.
const TIMEOUT: Duration = Duration::from_secs(60);
/// SMTP reply codes about this client or its authentication instead of the recipient: 421, and those for
/// authentication and commands in RFC 4954 and RFC 5321.
const ABOUT_US: [u16; 10] = [421, 454, 500, 502, 503, 504, 521, 530, 534, 535];

/// Why `mail.smtp_url` can't be used. Never holds the URL, which may contain a password.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Malformed.
    #[error(
        "mail.smtp_url must be smtp://host:port or smtps://host:port, with user:password@ where the server asks for it"
    )]
    Form,
    /// TLS can't be set up.
    #[error("mail.smtp_url can't be used: {0}")]
    Smtp(#[from] SmtpError),
}

/// Why a mail could not be delivered.
#[derive(Debug, thiserror::Error)]
pub enum SendFailure {
    /// The server, or the connection to it, fails: no mail can be delivered.
    #[error("{0}")]
    Server(String),
    /// A temporary rejection of this mail.
    #[error("{0}")]
    Later(String),
    /// A permanent rejection of this mail.
    #[error("{0}")]
    Refused(String),
}

/// The transport.
pub enum Transport {
    /// A mail server, and the time-out per mail, as the library's own limits connecting only.
    Smtp(AsyncSmtpTransport<Tokio1Executor>, Duration),
    /// A folder of `.eml` files.
    Folder(PathBuf),
}

impl Transport {
    /// `smtp://` uses STARTTLS if the server offers it, else plain text; `?tls=required` requires it, as does a
    /// password that leaves this machine. `smtps://` is TLS.
    pub fn smtp(url: &str) -> Result<Self, TransportError> {
        Self::smtp_within(url, TIMEOUT)
    }

    /// The same with another time-out.
    pub fn smtp_within(url: &str, timeout: Duration) -> Result<Self, TransportError> {
        let mut url = Url::parse(url).map_err(|_| TransportError::Form)?;
        if !matches!(url.scheme(), "smtp" | "smtps") || url.host().is_none() {
            return Err(TransportError::Form);
        }
        if url.scheme() == "smtp" && !url.query_pairs().any(|(key, _)| key == "tls") {
            // A password is sent over a network by TLS only, so that stripping STARTTLS does not reveal it.
            let exposed = url.password().is_some() && !is_here(&url);
            let tls = if exposed { "required" } else { "opportunistic" };
            url.query_pairs_mut().append_pair("tls", tls);
        }
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.as_str())?
            .timeout(Some(timeout))
            .pool_config(PoolConfig::new().max_size(2))
            .build();
        Ok(Self::Smtp(transport, timeout))
    }

    /// Checks that the server answers and accepts the log-in, or that the folder can be used.
    pub async fn check(&self) -> Result<(), SendFailure> {
        match self {
            Self::Smtp(server, limit) => match tokio::time::timeout(*limit, server.test_connection()).await {
                Ok(Ok(true)) => Ok(()),
                Ok(Ok(false)) | Err(_) => Err(silent()),
                Ok(Err(error)) => Err(SendFailure::Server(described(&error))),
            },
            Self::Folder(folder) if folder.exists() && !folder.is_dir() => {
                Err(SendFailure::Server(format!("{} is no folder", folder.display())))
            }
            Self::Folder(_) => Ok(()),
        }
    }

    /// Delivers a mail; `name` is its file's name.
    pub async fn send(&self, message: Message, name: &str) -> Result<(), SendFailure> {
        match self {
            Self::Smtp(server, limit) => match tokio::time::timeout(*limit, server.send(message)).await {
                Ok(outcome) => outcome.map(drop).map_err(|error| classified(&error)),
                Err(_) => Err(silent()),
            },
            Self::Folder(folder) => {
                make_folder(folder)?;
                let path = folder.join(format!("{name}.eml"));
                let written = std::fs::OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&path)
                    .and_then(|mut file| file.write_all(&message.formatted()));
                written.map_err(|error| SendFailure::Server(format!("{}: {error}", path.display())))
            }
        }
    }
}

/// Whether the server is on this machine.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn silent() -> SendFailure {
    SendFailure::Server("the mail server does not answer in time".to_owned())
}

fn make_folder(folder: &std::path::Path) -> Result<(), SendFailure> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.map_err(|error| SendFailure::Server(format!("{}: {error}", folder.display())))
}

/// Only replies about this mail or its recipient count as rejections.
fn classified(error: &SmtpError) -> SendFailure {
    let text = described(error);
    match error.status().map(u16::from) {
        Some(code) if ABOUT_US.contains(&code) => SendFailure::Server(text),
        Some(400..500) => SendFailure::Later(text),
        Some(500..600) => SendFailure::Refused(text),
        _ => SendFailure::Server(text),
    }
}

/// The error with its sources: "connection error" alone helps nobody.
fn described(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text.chars().filter(|one| !one.is_control()).take(300).collect()
}
