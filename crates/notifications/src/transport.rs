//! How a mail leaves: by SMTP (RFC 5321), or as a file where no server is configured.

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

/// How long the server may take for one mail.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Answers that speak of this server or its log-in, not of the recipient: 421, and what RFC 4954 and RFC 5321 say of
/// authentication and commands.
const ABOUT_US: [u16; 10] = [421, 454, 500, 502, 503, 504, 521, 530, 534, 535];

/// Why `mail.smtp_url` can't be used. Never holds the URL, which may have a password.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Not of the form.
    #[error(
        "mail.smtp_url must be smtp://host:port or smtps://host:port, with user:password@ where the server asks for it"
    )]
    Form,
    /// TLS can't be set up.
    #[error("mail.smtp_url can't be used: {0}")]
    Smtp(#[from] SmtpError),
}

/// Why a mail did not leave.
#[derive(Debug, thiserror::Error)]
pub enum SendFailure {
    /// The server, or the way to it, does not work now: no mail will leave.
    #[error("{0}")]
    Server(String),
    /// This mail was put off.
    #[error("{0}")]
    Later(String),
    /// This mail was refused for good.
    #[error("{0}")]
    Refused(String),
}

/// Where mails go.
pub enum Transport {
    /// A server, and how long it may take for one mail: the mailer itself limits the connecting alone.
    Smtp(AsyncSmtpTransport<Tokio1Executor>, Duration),
    /// A folder of `.eml` files.
    Folder(PathBuf),
}

impl Transport {
    /// `smtp://` is plain, or STARTTLS when the server offers it; `?tls=required` insists, and so does a password that leaves
    /// this machine. `smtps://` is TLS.
    pub fn smtp(url: &str) -> Result<Self, TransportError> {
        Self::smtp_within(url, TIMEOUT)
    }

    /// The same with another limit of time.
    pub fn smtp_within(url: &str, timeout: Duration) -> Result<Self, TransportError> {
        let mut url = Url::parse(url).map_err(|_| TransportError::Form)?;
        if !matches!(url.scheme(), "smtp" | "smtps") || url.host().is_none() {
            return Err(TransportError::Form);
        }
        if url.scheme() == "smtp" && !url.query_pairs().any(|(key, _)| key == "tls") {
            // A password goes over a network by TLS alone: whoever hides STARTTLS must not read it.
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

    /// Whether the server answers and takes the log-in, or nothing else stands in the folder's place.
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

    /// Hands a mail over; `name` names its file.
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

/// Only what the server says of this mail or its recipient is held against them.
fn classified(error: &SmtpError) -> SendFailure {
    let text = described(error);
    match error.status().map(u16::from) {
        Some(code) if ABOUT_US.contains(&code) => SendFailure::Server(text),
        Some(400..500) => SendFailure::Later(text),
        Some(500..600) => SendFailure::Refused(text),
        _ => SendFailure::Server(text),
    }
}

/// With its causes: "connection error" alone helps nobody.
fn described(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text.chars().filter(|one| !one.is_control()).take(300).collect()
}
