//! Open-loop load: requests at a fixed rate, whether or not the answers keep up. Latency counts from the instant at
//! which a request was due, which avoids coordinated omission.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{CLIENT_CORE, wrk::Target};
use crate::shell;

const CONNECTIONS: u32 = 16;
const SECONDS: f64 = 5.0;
/// Warm-up in seconds, which is not counted: connections are opened, caches filled.
const WARM_UP: f64 = 1.0;

/// The 99th percentile of latency, in milliseconds, at this rate per second.
pub(super) fn p99(target: &Target, rate: f64) -> Result<f64, String> {
    // Threads inherit the CPU affinity of the one that starts them.
    let own = std::process::id().to_string();
    let everywhere = shell::output(Command::new("taskset").args(["-p", &own]))?;
    let everywhere = everywhere.rsplit(' ').next().unwrap_or("3").to_owned();
    shell::output(Command::new("taskset").args(["-pc", CLIENT_CORE, &own]))?;
    let outcome = at_rate(target, rate);
    shell::output(Command::new("taskset").args(["-p", &everywhere, &own]))?;
    let mut latencies = outcome?;
    latencies.sort_by(f64::total_cmp);
    let place = latencies.len() * 99 / 100;
    latencies
        .get(place)
        .copied()
        .ok_or_else(|| "no answers".to_owned())
}

#[expect(clippy::disallowed_methods, reason = "time is what is measured")]
fn at_rate(target: &Target, rate: f64) -> Result<Vec<f64>, String> {
    let began = Instant::now();
    let period = f64::from(CONNECTIONS) / rate;
    thread::scope(|scope| {
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                let first = period * f64::from(number) / f64::from(CONNECTIONS);
                scope.spawn(move || Connection::open(target)?.ask(began, (first, period)))
            })
            .collect();
        let mut latencies = Vec::new();
        for connection in connections {
            let answered = connection.join().map_err(|_| "a connection panicked")?;
            latencies.extend(answered.map_err(|e| format!("{}: {e}", target.url))?);
        }
        Ok(latencies)
    })
}

struct Connection {
    stream: BufReader<TcpStream>,
    request: String,
}

impl Connection {
    fn open(target: &Target) -> std::io::Result<Self> {
        let rest = target.url.trim_start_matches("http://");
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        let body = &target.body;
        Ok(Self {
            request: format!(
                "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
            stream: BufReader::new(stream),
        })
    }

    /// The latencies of all requests after the warm-up, in milliseconds.
    fn ask(mut self, began: Instant, (first, period): (f64, f64)) -> std::io::Result<Vec<f64>> {
        let mut latencies = Vec::new();
        for number in 0_u32.. {
            let due = first + period * f64::from(number);
            if due > SECONDS + WARM_UP {
                break;
            }
            let at = began + Duration::from_secs_f64(due);
            thread::sleep(at.saturating_duration_since(began + began.elapsed()));
            self.stream.get_mut().write_all(self.request.as_bytes())?;
            self.skip_answer()?;
            let late = (began + began.elapsed()).saturating_duration_since(at);
            if due > WARM_UP {
                latencies.push(late.as_secs_f64() * 1000.0);
            }
        }
        Ok(latencies)
    }

    fn skip_answer(&mut self) -> std::io::Result<()> {
        let (mut line, mut length) = (String::new(), 0);
        self.stream.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200") {
            return Err(std::io::Error::other(format!("answered {line:?}")));
        }
        while line.trim() != "" {
            line.clear();
            self.stream.read_line(&mut line)?;
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
        }
        let skipped = std::io::copy(&mut (&mut self.stream).take(length), &mut std::io::sink())?;
        match skipped == length {
            true => Ok(()),
            false => Err(std::io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
