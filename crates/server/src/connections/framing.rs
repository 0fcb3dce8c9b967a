//! Where requests end in what a client sends (RFC 9112 §6). Whether they are well-formed is up to the HTTP crate, which refuses
//! and closes what this module can't read.

/// So much of a head that comes in parts is kept; a longer one counts as unreadable.
const LONGEST_HEAD: usize = 32 * 1024;
/// The line feeds at the end of a head, with what is between them.
const END: usize = 3;
/// The HTTP crate refuses heads with more.
const MOST_HEADERS: usize = 96;

/// The request that bytes belong to.
#[derive(Default)]
pub(super) struct Framing {
    /// The head so far, if it came in several parts.
    head: Vec<u8>,
    /// What is missing, once the head has ended.
    body: Option<Body>,
}

enum Body {
    Length(u64),
    Chunked(Chunk),
}

/// A place in a body with the chunked coding (RFC 9112 §7.1).
#[derive(Clone, Copy)]
enum Chunk {
    Size {
        size: u64,
        is_over: bool,
    },
    /// In the data, or the CRLF after it.
    Data(u64),
    Trailer {
        line_is_empty: bool,
    },
}

impl Framing {
    /// Whether a request has begun and not ended.
    pub(super) fn is_within(&self) -> bool {
        self.body.is_some() || !self.head.is_empty()
    }

    /// How many of these bytes belong to the request, and whether it ends there.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let (taken, mut body) = match self.body.take() {
            Some(body) => (0, body),
            None => match self.end_of_head(bytes) {
                Some(end) => end,
                None => return (bytes.len(), false),
            },
        };
        let (more, is_over) = body.take(&bytes[taken..]);
        if !is_over {
            self.body = Some(body);
        }
        (taken + more, is_over)
    }

    /// Where the head ends in these bytes, if it does, and what is missing then.
    fn end_of_head(&mut self, bytes: &[u8]) -> Option<(usize, Body)> {
        if !self.head.is_empty() {
            let before = self.head.len();
            self.head.extend_from_slice(bytes);
            let Some(end) = end_of_head(&self.head, before.saturating_sub(END - 1)) else {
                if self.head.len() > LONGEST_HEAD {
                    self.head = self.head[self.head.len() - END + 1..].to_vec();
                }
                return None;
            };
            let head = std::mem::take(&mut self.head);
            return Some((end - before, Body::of(&head[..end])));
        }
        // Empty lines before a request count for nothing (RFC 9112 §2.2).
        let first = bytes.iter().position(|byte| !b"\r\n".contains(byte))?;
        let Some(end) = end_of_head(bytes, first) else {
            self.head.extend_from_slice(&bytes[first..]);
            return None;
        };
        Some((end, Body::of(&bytes[first..end])))
    }
}

/// The end of the first empty line. A line may end without CR, as the HTTP crate has it (RFC 9112 §2.2).
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', &bytes[from..]).find_map(|at| {
        let after = from + at + 1;
        match bytes[after..] {
            [b'\n', ..] => Some(after + 1),
            [b'\r', b'\n', ..] => Some(after + 2),
            _ => None,
        }
    })
}

/// Skips what is there of what is missing.
fn skip(missing: &mut u64, bytes: &[u8]) -> (usize, bool) {
    let length = usize::try_from(*missing).map_or(bytes.len(), |missing| missing.min(bytes.len()));
    *missing -= length as u64;
    (length, *missing == 0)
}

impl Body {
    /// RFC 9112 §6.3. Heads that can't be read have none.
    fn of(head: &[u8]) -> Self {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        if request.parse(head).is_err() {
            return Self::Length(0);
        }
        let is_chunked = request.version == Some(1)
            && request.headers.iter().any(|header| {
                header.name.eq_ignore_ascii_case("transfer-encoding")
                    && header.value.trim_ascii().eq_ignore_ascii_case(b"chunked")
            });
        if is_chunked {
            return Self::Chunked(Chunk::START);
        }
        let mut headers = request.headers.iter();
        let length = headers.find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let length = length.and_then(|header| str::from_utf8(header.value).ok()?.trim().parse().ok());
        Self::Length(length.unwrap_or(0))
    }

    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        match self {
            Self::Length(missing) => skip(missing, bytes),
            Self::Chunked(chunk) => chunk.take(bytes),
        }
    }
}

impl Chunk {
    const START: Self = Self::Size {
        size: 0,
        is_over: false,
    };

    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < bytes.len() {
            if let Self::Data(missing) = self {
                let (length, is_over) = skip(missing, &bytes[at..]);
                at += length;
                if is_over {
                    *self = Self::START;
                }
                continue;
            }
            let byte = bytes[at];
            at += 1;
            match self.after(byte) {
                Some(next) => *self = next,
                None => return (at, true),
            }
        }
        (at, false)
    }

    /// The place after a byte outside of the data; `None` after the last one.
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Size { size: 0, .. }, b'\n') => Self::Trailer { line_is_empty: true },
            (Self::Size { size, .. }, b'\n') => Self::Data(size.saturating_add(2)),
            (Self::Size { size, is_over: false }, byte) => match char::from(byte).to_digit(16) {
                Some(digit) => Self::Size {
                    size: size.saturating_mul(16).saturating_add(digit.into()),
                    is_over: false,
                },
                None => Self::Size { size, is_over: true },
            },
            (Self::Trailer { line_is_empty: true }, b'\n') => return None,
            (Self::Trailer { line_is_empty }, b'\r') => Self::Trailer { line_is_empty },
            (Self::Trailer { .. }, byte) => Self::Trailer {
                line_is_empty: byte == b'\n',
            },
            (place, _) => place,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
    const LENGTH: &str = "POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n\r\n\r\n\r\n\r\n";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                           6;a=b\r\n\r\n\r\n\r\n\r\nA\r\n0123456789\r\n0\r\nExpires: never\r\n\r\n";
    const BARE: &str = "GET / HTTP/1.1\nHost: here\n\n";
    const EMPTY_LINES: &str = "\r\n\r\n\nGET / HTTP/1.1\r\n\n";

    /// The lengths of the requests in this, which comes in pieces of so many bytes.
    fn lengths(sent: &str, piece: usize) -> Vec<usize> {
        let (mut framing, mut lengths, mut length) = (Framing::default(), Vec::new(), 0);
        for mut bytes in sent.as_bytes().chunks(piece) {
            while !bytes.is_empty() {
                let (taken, is_over) = framing.take(bytes);
                length += taken;
                if is_over {
                    lengths.push(std::mem::take(&mut length));
                }
                bytes = &bytes[taken..];
            }
        }
        assert_eq!(length, 0, "something is left");
        lengths
    }

    #[test]
    fn requests_end_where_they_end_however_they_come() {
        let all = [
            GET,
            LENGTH,
            CHUNKED,
            BARE,
            EMPTY_LINES,
            GET,
            CHUNKED,
            LENGTH,
            BARE,
        ];
        let expected: Vec<usize> = all.iter().map(|one| one.len()).collect();
        for piece in 1..=all.concat().len() {
            assert_eq!(lengths(&all.concat(), piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn what_cannot_be_read_ends_with_its_head() {
        for head in [
            "GET\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        ] {
            assert_eq!(
                lengths(&format!("{head}{GET}"), 1000),
                [head.len(), GET.len()],
                "{head}"
            );
        }
    }

    /// A transfer coding goes before a length (RFC 9112 §6.3), and HTTP/1.0 knows none (§6.1).
    #[test]
    fn a_coding_counts_as_the_standard_says() {
        let both = CHUNKED.replace("\r\nTransfer", "\r\nContent-Length: 2\r\nTransfer");
        assert_eq!(lengths(&both, 1000), [both.len()]);
        let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nab";
        assert_eq!(lengths(old, 1000), [old.len()]);
    }

    #[test]
    fn x02_of_a_head_that_goes_on_and_on_little_is_kept_and_its_end_is_found() {
        let line = "X: ".to_owned() + &"x".repeat(995) + "\r\n";
        let head = format!("GET / HTTP/1.1\r\n{}\r\n", line.repeat(100));
        assert_eq!(lengths(&format!("{head}{GET}"), 7), [head.len(), GET.len()]);
        let mut framing = Framing::default();
        for bytes in head.as_bytes()[..head.len() - 2].chunks(1000) {
            assert_eq!(framing.take(bytes), (bytes.len(), false));
            assert!(framing.head.capacity() <= 2 * LONGEST_HEAD);
        }
    }
}
