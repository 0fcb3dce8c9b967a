//! Connections with a TLS 1.3 handshake and one request each, beside a rustls that does nothing else. The client computes more
//! than the server does: what counts is the server's processor time.

use std::path::Path;
use std::process::Command;

use super::{CLIENT_CORE, SERVER_CORE, bare::Bare, forget};
use crate::demo::Demo;
use crate::shell;

const ROUNDS: usize = 5;
/// Clock ticks per second of proc(5).
const TICKS: f64 = 100.0;

/// Lines of a table: full handshakes, and resumed ones.
pub(super) fn lines(release: &Path) -> Result<String, String> {
    let folder = release.join("bench-tls");
    let demo = Demo::start_pinned_tls(&release.join("wmda-auth"), SERVER_CORE, &folder)?;
    let files = ["tls-cert.pem", "tls-key.pem"].map(|name| folder.join(name));
    let bare = Bare::start(&release.join("examples/handshakes"), &files)?;
    let ours = (demo.id(), demo.text("base_url")?);
    let mut lines = String::new();
    for (kind, flag) in [("full", "-new"), ("resumed", "-reuse")] {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let (second, first) = (rate((bare.id(), &bare.url), flag)?, rate(ours, flag)?);
            rounds.push((first / second, first, second));
        }
        rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (ratio, first, second) = rounds[ROUNDS / 2];
        lines.push_str(&format!(
            "| connections with a {kind} TLS 1.3 handshake and a request, per second of one core | {first:.0}; bare rustls {second:.0}; ratio {ratio:.2} |\n"
        ));
    }
    drop((demo, bare));
    forget(&folder)?;
    Ok(lines)
}

/// Connections per second of the server's processor time.
fn rate((process, url): (u32, &str), flag: &str) -> Result<f64, String> {
    let address = url.trim_start_matches("https://");
    let before = processor_time(process)?;
    let mut client = Command::new("taskset");
    client.args(["-c", CLIENT_CORE, "openssl", "s_time", "-connect", address]);
    client.args(["-www", "/livez", "-time", "3", flag]);
    let report = shell::output(&mut client)?;
    let took = processor_time(process)? - before;
    // "1234 connections in 4 real seconds, 17 bytes read per connection", and before it the same for its own processor time.
    let made = report
        .lines()
        .rev()
        .find_map(|line| line.split_once(" connections in "));
    let made: f64 = made
        .and_then(|(number, _)| number.trim().parse().ok())
        .ok_or_else(|| format!("openssl s_time told no number of connections\n{report}"))?;
    Ok(made / took)
}

/// Seconds in user and kernel mode (proc(5), /proc/pid/stat).
fn processor_time(process: u32) -> Result<f64, String> {
    let path = format!("/proc/{process}/stat");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {path}: {e}"))?;
    // Behind the name in parentheses, which may hold spaces, utime and stime are the 12th and 13th field.
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    Ok(ticks.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS)
}
