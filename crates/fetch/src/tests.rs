//! Misbehaving publishers on loopback.

use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, TcpListener, TcpStream},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use super::*;

/// A publisher that answers each request like this, for the test's lifetime; returns its URL.
fn publisher(answer: impl Fn(&mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            answer(&mut stream);
        }
    });
    base
}

fn says(text: String) -> String {
    publisher(move |stream| {
        // The client may close the connection early.
        let _ = stream.write_all(text.as_bytes());
    })
}

fn of_length(length: usize) -> String {
    let body = "a".repeat(length);
    says(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
}

async fn got(url: &str) -> Result<usize, String> {
    Fetcher::new(true).unwrap().get(url).await.map(|body| body.len())
}

#[tokio::test]
async fn a_document_has_64_kib_at_most() {
    assert_eq!(got(&of_length(65_536)).await, Ok(65_536));
    let endless = publisher(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        let chunk = format!("1000\r\n{}\r\n", "a".repeat(0x1000));
        while stream.write_all(chunk.as_bytes()).is_ok() {}
    });
    for large in [of_length(65_537), endless] {
        let began = Instant::now();
        assert_eq!(
            got(&large).await,
            Err("its answer is longer than 64 KiB".to_owned())
        );
        assert!(began.elapsed() < TIMEOUT, "it is not read to its end");
    }
}

#[tokio::test]
async fn whoever_is_slow_is_waited_for_five_seconds() {
    let drip = publisher(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
    });
    let silent = publisher(|_| thread::sleep(Duration::from_secs(60)));
    for slow in [drip, silent] {
        let began = Instant::now();
        assert!(got(&slow).await.is_err());
        let waited = began.elapsed();
        assert!(waited >= TIMEOUT && waited < 2 * TIMEOUT, "{waited:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let target = elsewhere.local_addr().unwrap();
    for status in [301, 302, 303, 307, 308] {
        let url = says(format!(
            "HTTP/1.1 {status} Moved\r\nlocation: http://{target}/\r\ncontent-length: 0\r\n\r\n"
        ));
        assert_eq!(got(&url).await, Err(format!("it answered {status}")));
    }
    assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// A resolver that answers each query with the next of these.
struct Rebinding(Mutex<Vec<Vec<IpAddr>>>);

impl Resolve for Rebinding {
    fn resolve(&self, _: Name) -> Resolving {
        let found = self.0.lock().unwrap().remove(0);
        let found = found.into_iter().map(|ip| SocketAddr::new(ip, 0));
        Box::pin(async move { Ok(Box::new(found) as Addrs) })
    }
}

#[tokio::test]
async fn a_name_that_comes_to_stand_for_this_machine_leads_nowhere() {
    let (public, loopback) = (IpAddr::from([8, 8, 8, 8]), IpAddr::from(Ipv4Addr::LOCALHOST));
    let inside = vec![
        loopback,
        IpAddr::from([10, 0, 0, 1]),
        IpAddr::from([169, 254, 169, 254]),
        "::1".parse().unwrap(),
        "::ffff:127.0.0.1".parse().unwrap(),
        "fd00::1".parse().unwrap(),
    ];
    let names = Rebinding(Mutex::new(vec![vec![loopback, public]]));
    let resolver = PublicNames {
        names,
        allow_private: false,
    };
    let first: Vec<SocketAddr> = resolver
        .resolve("keys.example".parse().unwrap())
        .await
        .unwrap()
        .collect();
    assert_eq!(
        first,
        [SocketAddr::new(public, 0)],
        "only what is public is connected to"
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let names = Rebinding(Mutex::new(vec![vec![loopback], inside]));
    let fetcher = Fetcher {
        client: client_by(names, false).unwrap(),
        allow_private: false,
    };
    let url = format!("https://keys.example:{}/", listener.local_addr().unwrap().port());
    for _ in 0..2 {
        let error = fetcher.get(&url).await.unwrap_err();
        assert!(error.contains("no public address"), "{error}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}
