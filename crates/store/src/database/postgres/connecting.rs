//! Connecting to PostgreSQL: the URL's hosts are tried concurrently with a staggered start ("happy eyeballs"), and
//! the first writable one is taken.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{runtime, task::JoinHandle, time};
use tokio_postgres::{
    Client, Config, SimpleQueryMessage,
    config::{Host, SslMode},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    PostgresConnection, PostgresUrl, tls,
    url::{TlsMode, place},
};

/// Delay before the next host is tried: a host that hangs delays no more than this.
const STAGGER: Duration = Duration::from_millis(250);
/// The server's `statement_timeout`, in milliseconds.
pub(crate) const STATEMENT_MS: u64 = 1500;

/// A PostgreSQL server, with its hosts and TLS.
pub(crate) struct Postgres {
    url: PostgresUrl,
    tls: MakeRustlsConnect,
    /// Index of the host that was writable last time.
    preferred: AtomicUsize,
}

impl Postgres {
    /// Prepares the hosts and TLS of a URL.
    pub(crate) fn new(url: PostgresUrl) -> ConnectionResult<Self> {
        Ok(Self {
            tls: MakeRustlsConnect::new(tls::client(&url.tls).map_err(ConnectionError::BadConnection)?),
            url,
            preferred: AtomicUsize::new(0),
        })
    }

    /// Connects to the first writable host; blocks, and must not be called from asynchronous code.
    pub(crate) fn connect(&self) -> ConnectionResult<PostgresConnection> {
        let mut builder = runtime::Builder::new_current_thread();
        let runtime =
            builder.enable_io().enable_time().build().map_err(|error| {
                ConnectionError::BadConnection(format!("no connection can be made: {error}"))
            })?;
        let link = runtime.block_on(self.first_writable());
        link.map(|link| PostgresConnection::new(runtime, link))
    }

    async fn first_writable(&self) -> ConnectionResult<(AsyncPgConnection, JoinHandle<()>)> {
        let (hosts, first) = (&self.url.hosts, self.preferred.load(Ordering::Relaxed));
        let attempts = (0..hosts.len()).zip(0u32..).map(|(turn, delay)| {
            let number = (first + turn) % hosts.len();
            async move {
                time::sleep(STAGGER * delay).await;
                (number, self.attempt(&hosts[number]).await)
            }
        });
        let mut attempts: FuturesUnordered<_> = attempts.collect();
        let mut reasons = Vec::new();
        while let Some((number, outcome)) = attempts.next().await {
            match outcome {
                Ok(link) => {
                    self.preferred.store(number, Ordering::Relaxed);
                    return Ok(link);
                }
                Err(reason) => reasons.push(reason),
            }
        }
        Err(ConnectionError::BadConnection(reasons.join("; ")))
    }

    async fn attempt(&self, host: &Config) -> Result<(AsyncPgConnection, JoinHandle<()>), String> {
        let named = |reason: String| format!("connection to server at {} failed: {reason}", place(host));
        match time::timeout(self.url.patience, self.link(host)).await {
            Ok(outcome) => outcome.map_err(named),
            Err(_) => Err(named(format!(
                "no answer within {} ms",
                self.url.patience.as_millis()
            ))),
        }
    }

    async fn link(&self, host: &Config) -> Result<(AsyncPgConnection, JoinHandle<()>), String> {
        let mut host = host.clone();
        host.ssl_mode(self.ssl_mode(&host));
        let connected = host.connect(self.tls.clone()).await;
        let (client, connection) = connected.map_err(|error| reason(&error))?;
        let driver = tokio::spawn(async move {
            // Errors of the connection reach the caller through its queries.
            let _ = connection.await;
        });
        set_up(&client).await?;
        let connection = AsyncPgConnection::try_from(client).await;
        connection
            .map(|connection| (connection, driver))
            .map_err(|error| error.to_string())
    }

    /// The host's `sslmode`; there is no TLS over a Unix socket.
    fn ssl_mode(&self, host: &Config) -> SslMode {
        match (host.get_hosts().first(), self.url.tls.mode) {
            (Some(Host::Unix(_)), _) | (_, TlsMode::Disable) => SslMode::Disable,
            (_, TlsMode::Prefer) => SslMode::Prefer,
            _ => SslMode::Require,
        }
    }
}

/// Applies the session's settings, and refuses a read-only server. `synchronous_commit` makes a commit wait for
/// synchronous standbys, if there are any.
async fn set_up(client: &Client) -> Result<(), String> {
    let statements = format!(
        "SET statement_timeout = {STATEMENT_MS}; \
         SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') IN ('off', 'local'); \
         SHOW transaction_read_only"
    );
    let answers = client.simple_query(&statements).await;
    let answers = answers.map_err(|error| reason(&error))?;
    let last = answers.iter().rev().find_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    match last {
        Some("off") => Ok(()),
        _ => Err("it is read-only: a standby, or by its settings".to_owned()),
    }
}

/// The server's error text, or that of the connection.
fn reason(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return match said.detail() {
            Some(detail) => format!("{}: {} ({detail})", said.severity(), said.message()),
            None => format!("{}: {}", said.severity(), said.message()),
        };
    }
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    let absent = std::error::Error::source(error)
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        .is_some_and(|cause| {
            matches!(
                cause.kind(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
            )
        });
    let hint = if absent {
        ". Is the server running there and accepting connections?"
    } else {
        ""
    };
    match causes.last() {
        Some(cause) => format!("{error}: {cause}{hint}"),
        None => error.to_string(),
    }
}
