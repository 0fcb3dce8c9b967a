//! A TCP stream that tracks its connection's phase, and ends when it is evicted.

use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Connections, Slot};

/// A connection with a slot.
pub struct Watched {
    io: TcpStream,
    slot: Slot,
}

impl Watched {
    /// The stream and the peer's address; `None` if the peer has disconnected.
    pub fn new(io: TcpStream, connections: &Arc<Connections>) -> Option<(Self, SocketAddr)> {
        let peer = io.peer_addr().ok()?;
        let slot = connections.take_slot(peer.ip());
        Some((Self { io, slot }, peer))
    }

    /// Some of a request has come.
    pub(super) fn asks(&self) {
        self.slot.connection.asked(self.now());
    }

    pub(super) fn is_idle(&self) -> bool {
        self.slot.connection.is_idle()
    }

    fn now(&self) -> u64 {
        self.slot.all.now()
    }

    /// The answers to requests that came together leave together: a client, or a balancer, on this machine is woken once for
    /// all of them, which costs more than anything else of a short answer.
    fn poll_turn(&self, cx: &Context<'_>) -> Poll<()> {
        if self.slot.connection.answers(self.now()) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Fails if the connection was evicted; registers for a wake-up then. The socket is reset, so that the kernel
    /// keeps no unsent data.
    fn check(&self, cx: &Context<'_>) -> io::Result<()> {
        let connection = &self.slot.connection;
        connection.waker.register(cx.waker());
        if connection.is_closed() {
            rustix::net::sockopt::set_socket_linger(&self.io, Some(Duration::ZERO))?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        ready!(self.poll_turn(cx));
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        ready!(self.poll_turn(cx));
        Pin::new(&mut self.io).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// A flush means that everything before has been written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        let outcome = Pin::new(&mut self.io).poll_flush(cx);
        if outcome.is_ready() {
            self.slot.connection.answered(self.now());
        }
        outcome
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
