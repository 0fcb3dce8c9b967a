//! a log that nobody reads blocks no request, and unauthenticated requests don't flood the log.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use tempfile::TempDir;

use super::wire;
use crate::support::{Demo, eventually, http, succeeded, timed};

const PROXIES: (&str, &str) = ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", "127.0.0.1");
const ANY_PORT: (&str, &str) = ("WMDA_AUTH__SERVER__METRICS_BIND", "127.0.0.1:0");

/// Sends requests to an unknown path on one connection, 16 at a time, each with another source.
fn flood(demo: &Demo, count: usize, source: impl Fn(usize) -> String) {
    let mut stream = wire::connect(demo.address());
    for first in (0..count).step_by(16) {
        let asked: String = (first..first + 16)
            .map(|number| {
                let source = source(number);
                format!("GET /nothing HTTP/1.1\r\nHost: here\r\nX-Forwarded-For: {source}\r\n\r\n")
            })
            .collect();
        stream.write_all(asked.as_bytes()).unwrap();
        read_answers(&mut stream, 16);
    }
}

fn read_answers(stream: &mut TcpStream, count: usize) {
    let text = wire::read(stream, |text| text.matches("at this path").count() == count);
    assert_eq!(text.matches("HTTP/1.1 404").count(), count);
}

/// A pipe open at both ends, so that opening it blocks nobody.
fn pipe(path: &Path) -> File {
    succeeded(Command::new("mkfifo").arg(path));
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

#[test]
fn x01_a_standard_error_that_nobody_reads_holds_no_request_and_what_is_lost_is_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pipe");
    let unread = pipe(&path);
    let script = format!("exec \"$@\" 2>{}", path.display());
    let demo = Demo::start_by(&script, &[], &[PROXIES]);
    thread::scope(|scope| {
        for thread in 0..4 {
            let demo = &demo;
            scope.spawn(move || {
                flood(demo, 8_000, |number| {
                    format!("198.51.{}.{}", number / 250 + 40 * thread, number % 250)
                });
            });
        }
    });
    let (took, status) = timed(|| demo.get("/livez").status);
    assert_eq!(status, 200);
    assert!(took < Duration::from_secs(1), "{took:?}");
    let mut lines = BufReader::new(unread).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("log lines were lost")));
}

#[test]
fn x01_one_source_has_so_many_lines_a_second_and_others_theirs() {
    let demo = Demo::start_with(None, &[PROXIES, ANY_PORT]);
    flood(&demo, 3_200, |_| "198.51.100.1".to_owned());
    flood(&demo, 16, |_| "198.51.100.2".to_owned());
    // The addresses of an IPv6 network share one rate limit.
    flood(&demo, 3_200, |number| format!("2001:db8::{number:x}"));
    let lines = |source: &str| demo.log().matches(source).count();
    eventually(|| demo.log().contains("without a line each"));
    eventually(|| lines("source=198.51.100.2 ") == 16);
    assert_eq!(
        wire::status(&wire::ask(demo.address(), b"no HTTP\r\n\r\n", wire::is_whole)),
        400
    );
    assert!(!demo.log().contains("stream error"), "{}", demo.log());
    let written = lines("source=198.51.100.1 ");
    assert!((500..1600).contains(&written), "{written}");
    eventually(|| lines("source=2001:db8::") >= 500);
    let of_network = lines("source=2001:db8::");
    assert!(of_network < 1600, "{of_network}");
    let log = demo.log();
    let metrics = log
        .lines()
        .find_map(|line| line.split_once("metrics at "))
        .unwrap()
        .1;
    let missing = || {
        let text = http().get(metrics).send().unwrap().text().unwrap();
        let missing = text
            .lines()
            .find_map(|line| line.strip_prefix("wmda_auth_log_lines_missing_total{reason=\"source\"} "));
        missing.unwrap().parse::<usize>().unwrap()
    };
    // The last lines are still being written.
    eventually(|| missing() + lines("source=198.51.100.1 ") + lines("source=2001:db8::") == 6_400);
}
