//! HTTP/1.1 over TCP or TLS on limited connections: what `HttpServer` of actix-web does, plus a time-out or limit for
//! everything that a client can leave undone. HTTP/2 is not offered: one connection could request thousands of
//! answers and read none.

use std::{io, net::SocketAddr, net::TcpListener, sync::Arc, time::Duration};

use actix_http::{HttpService, Protocol, Request, Response, body::MessageBody, error::DispatchError};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{Error, dev::AppConfig, rt::net::TcpStream};
use futures_util::future::BoxFuture;
use rustix::net::{listen, sockopt};
use rustls::ServerConfig;
use token_endpoint::PIECE;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    Outcome,
    connections::{Connections, Paced, TICK, Watched},
    tls::Handshakes,
};

/// Keep-alive time-out: longer than balancers keep an idle connection (usually 60 s), so that none sends a request
/// into a closing one.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Time-out of the TLS handshake, and then of the first request's head.
const FIRST_STEPS: Duration = Duration::from_secs(5);
/// `TCP_USER_TIMEOUT`: how long sent data may stay unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);
/// The kernel's send and receive buffers; by default they take megabytes for a client that requests a lot and reads
/// nothing, and all the time to copy them.
const KERNEL_BUFFER: usize = 64 * 1024;
/// The listen backlog, capped by `net.core.somaxconn`. Beyond it the kernel drops connections, which are retried
/// after one second, then two more: with the usual 128, that happened to everybody when a crowd connected at once.
const BACKLOG: i32 = 4096;
/// Grace period of running requests at shutdown.
const SHUTDOWN_SECONDS: u64 = 10;

type Accepted = (Paced, Protocol, Option<SocketAddr>);

/// The TLS settings.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    handshakes: Arc<Handshakes>,
}

impl Tls {
    /// Offers HTTP/1.1 only.
    pub fn new(mut configuration: ServerConfig, handshakes: Arc<Handshakes>) -> Self {
        configuration.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            acceptor: TlsAcceptor::from(Arc::new(configuration)),
            handshakes,
        }
    }

    async fn accept(&self, io: Watched, peer: SocketAddr) -> Result<TlsStream<Watched>, DispatchError> {
        match tokio::time::timeout(FIRST_STEPS, self.acceptor.accept(io)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => {
                self.handshakes.failed(peer, &error);
                Err(error.into())
            }
            Err(_) => {
                self.handshakes.late(peer);
                Err(DispatchError::SlowRequestTimeout)
            }
        }
    }
}

/// The listeners and their limits.
pub struct Listening {
    pub listener: TcpListener,
    pub tls: Option<Tls>,
    pub connections: Arc<Connections>,
    pub workers: usize,
    /// Resolves when new connections are to be refused.
    pub stop: BoxFuture<'static, ()>,
}

impl Listening {
    /// Starts the workers, each with its own application.
    pub fn start<F, I, S, B>(self, app: F) -> Outcome<Server>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig> + 'static,
        S::Error: Into<Error> + 'static,
        S::InitError: std::fmt::Debug,
        S::Response: Into<Response<B>> + 'static,
        <S::Service as Service<Request>>::Future: 'static,
        S::Service: 'static,
        B: MessageBody + 'static,
    {
        limit_kernel(&self.listener)?;
        let (connections, tls) = (self.connections, self.tls);
        let builder = builder(&connections, self.workers).shutdown_signal(self.stop);
        let stopping = builder.graceful_shutdown_signal();
        let signal = move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        };
        actix_web::rt::spawn(watch(Arc::clone(&connections), signal.clone()));
        let listening = builder.listen("http", self.listener, move || {
            let (connections, tls) = (Arc::clone(&connections), tls.clone());
            let app = app()
                .into_factory()
                .map_err(|error| error.into().error_response());
            let http = HttpService::build()
                .graceful_shutdown_signal(signal.clone())
                .h1_write_buffer_size(PIECE)
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(FIRST_STEPS)
                .finish(map_config(app, |()| AppConfig::default()));
            fn_service(move |io| accept(io, Arc::clone(&connections), tls.clone())).and_then(http)
        })?;
        Ok(listening.run())
    }
}

/// Socket options that accepted connections inherit.
fn limit_kernel(listener: &TcpListener) -> Outcome<()> {
    // It listens already; this changes the length of its backlog.
    listen(listener, BACKLOG)?;
    sockopt::set_tcp_user_timeout(listener, u32::try_from(UNACKNOWLEDGED.as_millis())?)?;
    sockopt::set_socket_send_buffer_size(listener, KERNEL_BUFFER)?;
    sockopt::set_socket_recv_buffer_size(listener, KERNEL_BUFFER)?;
    Ok(())
}

/// Each worker takes its share of the slots, plus a few connections to be refused at once, for which files are
/// reserved.
fn builder(connections: &Connections, workers: usize) -> ServerBuilder {
    let share = connections.limits().total.div_ceil(workers);
    ServerBuilder::new()
        .workers(workers)
        .max_concurrent_connections(share + share / 16 + 8)
        .shutdown_timeout(SHUTDOWN_SECONDS)
}

/// Runs the clock of the connections' time-outs.
async fn watch<S: Future<Output = ()>>(connections: Arc<Connections>, stopping: impl Fn() -> S) {
    let ticking = async {
        loop {
            tokio::time::sleep(TICK).await;
            connections.tick();
        }
    };
    let stop = async {
        stopping().await;
        connections.stop();
    };
    tokio::join!(ticking, stop);
}

async fn accept(
    io: TcpStream,
    connections: Arc<Connections>,
    tls: Option<Tls>,
) -> Result<Accepted, DispatchError> {
    let refused = || DispatchError::Io(io::ErrorKind::ConnectionRefused.into());
    let (io, peer) = Watched::new(io, &connections).ok_or_else(refused)?;
    let stream = match tls {
        None => Paced::plain(io),
        Some(tls) => Paced::private(tls.accept(io, peer).await?),
    };
    Ok((stream, Protocol::Http1, Some(peer)))
}
