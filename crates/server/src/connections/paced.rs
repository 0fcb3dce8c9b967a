//! HTTP pipelining (RFC 9112 §9.3.2): what a client sends is handed on request by request. The HTTP crate keeps a table
//! of headers for each request that it finds in what it has read, however many these are, and when an answer leaves
//! while some of the next request's body is missing, it closes the connection.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::web::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::{Watched, framing::Framing};

/// A connection, plain or private, that is read at the pace of its answers.
pub struct Paced {
    io: Either<Watched, TlsStream<Watched>>,
    /// What came and was not handed on.
    rest: Bytes,
    framing: Framing,
    /// A whole request was handed on, whose answer has not been taken.
    is_asked: bool,
    /// The request whose end has not come was answered already: refused, or told to continue.
    is_answered: bool,
    /// There is a rest, which waits for that.
    is_held: bool,
}

impl Paced {
    pub fn plain(io: Watched) -> Self {
        Self::new(Either::Left(io))
    }

    pub fn private(io: TlsStream<Watched>) -> Self {
        Self::new(Either::Right(io))
    }

    fn new(io: Either<Watched, TlsStream<Watched>>) -> Self {
        Self {
            io,
            rest: Bytes::new(),
            framing: Framing::default(),
            is_asked: false,
            is_answered: false,
            is_held: false,
        }
    }

    fn watched(&self) -> &Watched {
        match &self.io {
            Either::Left(io) => io,
            Either::Right(io) => io.get_ref().0,
        }
    }

    /// How much of what comes next may be handed on.
    fn take(&mut self, bytes: &[u8]) -> usize {
        if self.is_asked {
            return 0;
        }
        let (length, is_over) = self.framing.take(bytes);
        self.is_asked = is_over && !std::mem::take(&mut self.is_answered);
        length
    }

    /// Hands on what was kept back.
    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let rest = std::mem::take(&mut self.rest);
        let length = self.take(&rest[..rest.len().min(buffer.remaining())]);
        buffer.put_slice(&rest[..length]);
        self.rest = rest.slice(length..);
    }

    /// Keeps back what is too much of what has come.
    fn keep_back(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let new = &buffer.filled()[before..];
        let length = self.take(new);
        if length < new.len() {
            self.rest = Bytes::copy_from_slice(&new[length..]);
            buffer.set_filled(before + length);
        }
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.watched().is_idle() {
            self.is_asked = false;
            self.is_answered = self.framing.is_within();
        }
        let before = buffer.filled().len();
        if self.rest.is_empty() {
            ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
            self.keep_back(buffer, before);
        } else {
            self.hand_on(buffer);
        }
        let is_nothing = buffer.filled().len() == before;
        self.is_held = is_nothing && !self.rest.is_empty();
        if self.is_held {
            return Poll::Pending;
        }
        if !is_nothing {
            self.watched().asks();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Paced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        // An empty flush, while the answer is still being made, lets nobody go on.
        if self.is_held && self.watched().is_idle() {
            self.is_held = false;
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Wake, Waker},
        time::Duration,
    };

    use actix_web::rt::{net::TcpStream, time::sleep};
    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::*;
    use crate::connections::{Connections, Limits};

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A connection whose client sends this.
    async fn connection(sent: Vec<u8>) -> Paced {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        actix_web::rt::spawn(async move {
            client.write_all(&sent).await.unwrap();
            sleep(Duration::from_secs(60)).await;
        });
        accepted(&listener).await
    }

    async fn accepted(listener: &TcpListener) -> Paced {
        let limits = Limits {
            total: 1,
            per_source: 1,
        };
        let connections = Connections::new(limits, Vec::new());
        let (io, _) = Watched::new(listener.accept().await.unwrap().0, &connections).unwrap();
        Paced::plain(io)
    }

    fn read(paced: &mut Paced, cx: &mut Context<'_>) -> usize {
        let mut bytes = [0; 8192];
        let mut buffer = ReadBuf::new(&mut bytes);
        let _ = Pin::new(paced).poll_read(cx, &mut buffer);
        buffer.filled().len()
    }

    fn answer(paced: &mut Paced, cx: &mut Context<'_>) {
        // The first look defers it.
        assert!(Pin::new(&mut *paced).poll_write(cx, b"answer").is_pending());
        assert!(Pin::new(&mut *paced).poll_write(cx, b"answer").is_ready());
        assert!(Pin::new(&mut *paced).poll_flush(cx).is_ready());
    }

    #[actix_web::test]
    async fn x02_requests_are_handed_on_one_by_one_and_wake_nobody_before_an_answer_is_taken() {
        let get = "GET / HTTP/1.1\r\n\r\n";
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let bare = "G / HTTP/1.1\nHost:\n\n";
        let all = [get, chunked, bare];
        let mut paced = connection(all.concat().repeat(1_000).into_bytes()).await;
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        sleep(Duration::from_millis(10)).await;
        for one in all.iter().cycle().take(1_000) {
            let mut length = 0;
            while length < one.len() {
                sleep(Duration::from_micros(10)).await;
                length += read(&mut paced, &mut cx);
            }
            assert_eq!(length, one.len());
            let before = woken.0.load(Ordering::SeqCst);
            for _ in 0..10 {
                assert_eq!(read(&mut paced, &mut cx), 0);
                assert!(Pin::new(&mut paced).poll_flush(&mut cx).is_ready());
            }
            let after = woken.0.load(Ordering::SeqCst);
            assert_eq!(after, before, "the answer is still being made");
            answer(&mut paced, &mut cx);
            assert!(woken.0.load(Ordering::SeqCst) > before, "the answer is taken");
        }
    }

    /// A refusal may come before all of the request: what then comes of it is not answered again.
    #[actix_web::test]
    async fn a_request_that_is_refused_before_its_end_holds_up_nothing() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n";
        let (end, next) = ("12345\r\n0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut paced = accepted(&listener).await;
        let mut cx = Context::from_waker(Waker::noop());
        client.write_all(head.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(10)).await;
        assert_eq!(read(&mut paced, &mut cx), head.len());
        answer(&mut paced, &mut cx);
        let rest = [end, next, next].concat();
        client.write_all(rest.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(10)).await;
        assert_eq!(read(&mut paced, &mut cx), end.len());
        assert_eq!(read(&mut paced, &mut cx), next.len());
        assert_eq!(read(&mut paced, &mut cx), 0, "the second waits for the first");
    }
}
