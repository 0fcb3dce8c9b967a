//! X-01, X-02: connections that are idle, don't read, or never end lock nobody out.

use std::{
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use super::wire;
use crate::support::{Answer, Demo, succeeded, timed};

/// The time limit for answers to others, new or already connected.
const SOON: Duration = Duration::from_secs(2);

fn assert_answers(demo: &Demo, when: &str) {
    for _ in 0..3 {
        let asked = b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n";
        let (took, text) = timed(|| wire::ask(demo.address(), asked, wire::is_whole));
        assert_eq!(wire::status(&text), 200, "{when}");
        assert!(took < SOON, "{when}: {took:?}");
    }
}

/// Requests something large again and again and reads none of it.
fn take_nothing(demo: &Demo, asked: usize) -> TcpStream {
    let mut stream = wire::connect_narrowly(demo.address());
    let one = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: here\r\n\r\n";
    stream.write_all(one.repeat(asked).as_bytes()).unwrap();
    stream
}

#[test]
fn x01_idle_connections_keep_nobody_out() {
    let demo = Demo::start_by("ulimit -n 1024; exec \"$@\"", &[], &[]);
    let idle: Vec<TcpStream> = (0..1100).map(|_| wire::connect(demo.address())).collect();
    assert_answers(&demo, "1,100 idle connections");
    drop(idle);
    assert_answers(&demo, "they are gone");
}

/// The listen backlog holds connections while the server is busy; one that the kernel drops is retried after a
/// second.
#[test]
fn x01_a_crowd_that_connects_at_once_pushes_nobody_out_of_the_queue() {
    let demo = Demo::sqlite();
    demo.signal("STOP");
    let connected =
        |_| TcpStream::connect_timeout(&demo.address().parse().unwrap(), Duration::from_millis(900));
    let crowd: Vec<TcpStream> = (0..1_000).map(connected).map_while(Result::ok).collect();
    demo.signal("CONT");
    assert_eq!(crowd.len(), 1_000);
    drop(crowd);
    assert_answers(&demo, "they are gone");
}

#[test]
fn x01_the_limit_of_open_files_is_raised_to_what_the_system_allows() {
    let demo = Demo::start_by("ulimit -Sn 256; exec \"$@\"", &[], &[]);
    assert!(
        demo.log()
            .contains("at most 10000 connections, 2500 of one source"),
        "{}",
        demo.log()
    );
    let hard = Demo::start_by("ulimit -n 300; exec \"$@\"", &[], &[]);
    let limits = hard.log();
    let line = limits.lines().find(|line| line.contains("at most")).unwrap();
    assert!(!line.contains("10000"), "{line}");
}

#[test]
fn x01_who_takes_no_answer_keeps_nobody_out_nor_the_server_from_its_end() {
    let mut demo = Demo::start_by("ulimit -n 300; exec \"$@\"", &[], &[]);
    let before = demo.peak_memory();
    let greedy: Vec<TcpStream> = (0..310).map(|_| take_nothing(&demo, 16)).collect();
    assert_answers(&demo, "310 clients that take nothing");
    let grown = demo.peak_memory() - before;
    assert!(grown < 30, "they hold {grown} MiB");
    let (took, ended) = timed(|| demo.terminate());
    assert!(ended.success());
    assert!(took < Duration::from_secs(8), "it ended after {took:?}");
    drop(greedy);
}

/// A hundred thousand bytes hold thousands of requests, however they end.
#[test]
fn x01_who_asks_for_thousands_of_answers_at_once_holds_no_more_than_others() {
    for one in [
        "GET /api/v1/openapi.json HTTP/1.1\r\nHost: here\r\n\r\n",
        "GET /api/v1/openapi.json HTTP/1.1\nHost:\n\n",
        "GET / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let demo = Demo::sqlite();
        let before = demo.peak_memory();
        let all = one.repeat(10_000);
        let greedy: Vec<TcpStream> = (0..20)
            .map(|_| {
                let mut stream = wire::connect_narrowly(demo.address());
                stream
                    .set_write_timeout(Some(Duration::from_millis(300)))
                    .unwrap();
                // The kernels take some of it, or all.
                let _ = stream.write_all(all.as_bytes());
                stream
            })
            .collect();
        assert_answers(&demo, "20 clients that ask for thousands of answers");
        let grown = demo.peak_memory() - before;
        assert!(grown < 20, "{one:?}: they hold {grown} MiB");
        drop(greedy);
    }
}

/// RFC 9112 §9.3.2.
#[test]
fn requests_that_come_in_one_piece_are_answered_in_their_order() {
    let asked: String = (0..300)
        .map(|number| match number % 3 {
            0 => "GET /livez HTTP/1.1\r\nHost: here\r\n\r\n".to_owned(),
            1 => format!(
                "POST /oauth2/token HTTP/1.1\r\nHost: here\r\nContent-Length: {}\r\n\r\n{}",
                4 * number,
                "\r\n\r\n".repeat(number)
            ),
            _ => "GET /nowhere HTTP/1.1\r\nHost: here\r\n\r\n".to_owned(),
        })
        .take(45)
        .chain(["GET /livez HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".to_owned()])
        .collect();
    let demo = Demo::sqlite();
    let text = wire::ask(demo.address(), asked.as_bytes(), |_| false);
    let statuses: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once("HTTP/1.1 ")?.1.split(' ').next())
        .collect();
    let expected: Vec<&str> = (0..46).map(|number| ["200", "400", "404"][number % 3]).collect();
    assert_eq!(statuses, expected, "{text}");
}

#[test]
fn x01_an_answer_that_is_not_taken_and_a_request_that_never_ends_are_given_up() {
    let demo = Demo::sqlite();
    let mut greedy = take_nothing(&demo, 16);
    let mut endless = wire::connect(demo.address());
    endless
        .write_all(b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n")
        .unwrap();
    assert_eq!(wire::status(&wire::read(&mut endless, wire::is_whole)), 200);
    endless.write_all(b"GET /livez HTTP/1.1\r\n").unwrap();
    let began = Instant::now();
    let mut dripped = 0;
    while began.elapsed() < Duration::from_secs(45) {
        thread::sleep(Duration::from_secs(1));
        if endless.write_all(b"X-A: b\r\n").is_err() {
            break;
        }
        dripped += 1;
    }
    assert!((20..40).contains(&dripped), "closed after {dripped} s");
    // Bytes sent before may still arrive; then the connection ends.
    greedy.set_read_timeout(Some(SOON)).unwrap();
    let got = wire::read(&mut greedy, |_| false);
    let all = 16 * demo.get("/api/v1/openapi.json").text.len();
    assert!(
        got.len() < all / 2,
        "{} of {all} bytes were kept for it",
        got.len()
    );
    assert!(wire::is_closed_within(&mut greedy, SOON));
}

#[test]
fn x02_one_source_has_a_share_of_the_connections_and_no_more() {
    let share = [
        ("WMDA_AUTH__LIMITS__CONNECTIONS", "60"),
        ("WMDA_AUTH__LIMITS__CONNECTIONS_PER_SOURCE", "20"),
    ];
    let demo = Demo::start_with(None, &share);
    let mut first = wire::connect(demo.address());
    // Workers accept connections concurrently; the pause makes this one the oldest.
    thread::sleep(Duration::from_secs(1));
    let _others: Vec<TcpStream> = (0..20).map(|_| wire::connect(demo.address())).collect();
    assert!(
        wire::is_closed_within(&mut first, SOON),
        "the idlest of the source made room"
    );
    assert_answers(&demo, "its share is taken");
    assert_eq!(Answer::of(demo.token(demo.upload.body())).status, 200);
}

#[test]
fn x02_connections_without_a_handshake_keep_nobody_out_of_tls() {
    let demo = Demo::start_by("ulimit -n 1024; exec \"$@\"", &["--tls"], &[]);
    let idle: Vec<TcpStream> = (0..1100).map(|_| wire::connect(demo.address())).collect();
    let mut curl = std::process::Command::new("curl");
    curl.args(["-s", "--max-time", "3", "--cacert"])
        .arg(demo.data_dir().join("tls-ca.pem"))
        .arg(demo.url("/livez"));
    let (took, answer) = timed(|| succeeded(&mut curl));
    assert_eq!(answer, r#"{"status":"ok"}"#);
    assert!(took < SOON, "{took:?}");
    drop(idle);
}
