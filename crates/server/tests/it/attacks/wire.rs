//! HTTP written by hand, for what no decent client sends.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use rustix::net::{AddressFamily, SocketType, sockopt};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Connects with a tiny receive buffer.
pub fn connect_narrowly(address: &str) -> TcpStream {
    let address: SocketAddr = address.parse().unwrap();
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    sockopt::set_socket_recv_buffer_size(&socket, 4096).unwrap();
    rustix::net::connect(&socket, &address).unwrap();
    TcpStream::from(socket)
}

/// Sends bytes and reads the answer until `enough` or the end.
pub fn ask(address: &str, bytes: &[u8], enough: impl Fn(&str) -> bool) -> String {
    let mut stream = connect(address);
    stream.write_all(bytes).unwrap();
    read(&mut stream, enough)
}

pub fn read(stream: &mut TcpStream, enough: impl Fn(&str) -> bool) -> String {
    let (mut got, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        got.extend_from_slice(&buffer[..length]);
        if enough(&String::from_utf8_lossy(&got)) {
            break;
        }
    }
    String::from_utf8_lossy(&got).into_owned()
}

/// Whether head and body are complete, by the `Content-Length`.
pub fn is_whole(text: &str) -> bool {
    text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length: ")
                .map(str::to_owned)
        });
        length.is_none_or(|length| body.len() >= length.parse::<usize>().unwrap())
    })
}

pub fn status(text: &str) -> u16 {
    let word = text.split_whitespace().nth(1);
    word.unwrap_or_else(|| panic!("no answer: {text}"))
        .parse()
        .unwrap()
}

/// Whether the server closes the connection within the time.
pub fn is_closed_within(stream: &mut TcpStream, time: Duration) -> bool {
    stream.set_read_timeout(Some(time)).unwrap();
    let outcome = stream.read(&mut [0; 1]);
    match outcome {
        Ok(length) => length == 0,
        Err(error) => !matches!(
            error.kind(),
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
        ),
    }
}

/// Closes with a TCP reset, as when a client is killed.
pub fn reset(stream: TcpStream) {
    sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
}
