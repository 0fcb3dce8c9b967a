//! What a client sends is handed on request by request: the HTTP crate keeps a table of headers for each request that it finds
//! in what it has read, however many these are, and when an answer leaves while some of the next request's body is missing, it
//! closes the connection.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::web::Bytes;
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::Watched;

/// What ends the head of a request (RFC 9112 §2.1).
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
/// So many heads are handed on at once where the end of the first request isn't known.
const AT_ONCE: usize = 2;
/// As many as the HTTP crate takes.
const MOST_HEADERS: usize = 96;
/// So many bytes may wait for an answer: more than any request may have, since an empty line in a body looks like the end of a
/// head, too.
const UNANSWERED: usize = 48 * 1024;

/// A connection, plain or private, that is read at the pace of its answers.
pub struct Paced {
    io: Either<Watched, TlsStream<Watched>>,
    /// What came and was not handed on.
    rest: Bytes,
    /// Heads and bytes that were handed on since the last answer.
    heads: usize,
    bytes: usize,
    /// What was handed on ends with a request.
    is_whole: bool,
    /// What was handed on is to be looked at before there is more.
    pauses: bool,
    /// Somebody waits for an answer to be taken.
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
            heads: 0,
            bytes: 0,
            is_whole: false,
            pauses: false,
            is_held: false,
        }
    }

    fn watched(&self) -> &Watched {
        match &self.io {
            Either::Left(io) => io,
            Either::Right(io) => io.get_ref().0,
        }
    }

    /// Whether there is more to hand on now.
    fn poll_turn(&mut self, cx: &Context<'_>) -> Poll<()> {
        if std::mem::take(&mut self.pauses) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.watched().is_idle() {
            (self.heads, self.bytes, self.is_whole) = (0, 0, false);
        }
        let is_enough = self.watched().is_answering() || self.bytes >= UNANSWERED;
        self.is_held = self.is_whole || is_enough && self.heads >= AT_ONCE;
        match self.is_held {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    /// How much of this may be handed on at once.
    fn count(&mut self, bytes: &[u8]) -> usize {
        let mut ends = memmem::find_iter(bytes, END_OF_HEAD).map(|at| at + END_OF_HEAD.len());
        let (first, second) = (ends.next(), ends.next());
        self.heads += usize::from(first.is_some()) + usize::from(second.is_some());
        let (Some(first), Some(second)) = (first, second) else {
            return bytes.len();
        };
        match body_length(&bytes[..first]) {
            Some(length) if length <= bytes.len() - first => {
                self.is_whole = true;
                first + length
            }
            Some(_) => bytes.len(),
            None => second,
        }
    }

    /// Hands on what was kept back.
    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let rest = std::mem::take(&mut self.rest);
        let most = rest.len().min(buffer.remaining());
        let length = self.count(&rest[..most]);
        buffer.put_slice(&rest[..length]);
        self.rest = rest.slice(length..);
    }

    /// Keeps back what is too much of what has come.
    fn keep_back(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let new = &buffer.filled()[before..];
        let length = self.count(new);
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
        ready!(self.poll_turn(cx));
        let before = buffer.filled().len();
        if self.rest.is_empty() {
            ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
            self.keep_back(buffer, before);
        } else {
            self.hand_on(buffer);
        }
        let length = buffer.filled().len() - before;
        if length > 0 {
            self.watched().asks();
        }
        self.bytes += length;
        self.pauses = !self.rest.is_empty() && !self.is_whole;
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

/// The length of the body after this head; `None` if the head does not say (RFC 9112 §6.3).
fn body_length(head: &[u8]) -> Option<usize> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).ok()?.is_complete().then_some(())?;
    let value = |name| {
        let mut headers = request.headers.iter();
        headers.find(|header| header.name.eq_ignore_ascii_case(name))
    };
    match (value("transfer-encoding"), value("content-length")) {
        (Some(_), _) => None,
        (None, None) => Some(0),
        (None, Some(length)) => str::from_utf8(length.value).ok()?.parse().ok(),
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

    /// What was handed on before the connection is held.
    async fn read_until_held(paced: &mut Paced, cx: &mut Context<'_>) -> Vec<usize> {
        let mut handed_on = Vec::new();
        while !paced.is_held {
            match read(paced, cx) {
                0 => sleep(Duration::from_micros(10)).await,
                length => handed_on.push(length),
            }
        }
        handed_on
    }

    #[actix_web::test]
    async fn requests_are_handed_on_one_by_one() {
        let post = "POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n\r\n\r\n\r\n\r\n";
        let get = "GET / HTTP/1.1\r\n\r\n";
        let mut paced = connection([post, get, post].concat().into_bytes()).await;
        let mut cx = Context::from_waker(Waker::noop());
        sleep(Duration::from_millis(10)).await;
        for one in [post, get] {
            assert_eq!(read_until_held(&mut paced, &mut cx).await, [one.len()]);
            let _ = Pin::new(&mut paced).poll_write(&mut cx, b"answer");
            assert!(Pin::new(&mut paced).poll_flush(&mut cx).is_ready());
        }
        assert_eq!(read_until_held(&mut paced, &mut cx).await, [post.len()]);
    }

    /// The end of a request with a transfer coding isn't looked for.
    #[actix_web::test]
    async fn x02_what_is_held_back_wakes_nobody_before_the_answer_is_taken() {
        let one = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let mut paced = connection(one.repeat(6_000).into_bytes()).await;
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let handed_on = read_until_held(&mut paced, &mut cx).await;
        let most = AT_ONCE * one.len();
        assert!(handed_on.iter().all(|length| *length <= most), "at once");
        let all: usize = handed_on.iter().sum();
        assert!((UNANSWERED..UNANSWERED + most).contains(&all), "{all}");
        let before = woken.0.load(Ordering::SeqCst);
        for _ in 0..10 {
            assert_eq!(read(&mut paced, &mut cx), 0);
            assert!(Pin::new(&mut paced).poll_flush(&mut cx).is_ready());
        }
        assert_eq!(
            woken.0.load(Ordering::SeqCst),
            before,
            "the answer is still being made"
        );
        // The first look defers it.
        assert!(Pin::new(&mut paced).poll_write(&mut cx, b"answer").is_pending());
        assert!(Pin::new(&mut paced).poll_write(&mut cx, b"answer").is_ready());
        let before = woken.0.load(Ordering::SeqCst);
        assert!(Pin::new(&mut paced).poll_flush(&mut cx).is_ready());
        assert!(woken.0.load(Ordering::SeqCst) > before, "the answer is taken");
        assert!(read(&mut paced, &mut cx) > 0);
    }
}
