//! Figures without a comparison: memory, and the time from start to the first token.

use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{SERVER_CORE, forget, wrk::Target};
use crate::demo::Demo;

const STARTS: usize = 5;
/// Time limit for the server's first answer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn table(release: &Path) -> Result<String, String> {
    let folder = release.join("bench-figures");
    let server = release.join("wmda-auth");
    let demo = Demo::start_pinned(&server, SERVER_CORE, &folder)?;
    let target = Target::of_demo(&demo, 0, release.join("figures.lua"))?;
    thread::sleep(Duration::from_secs(2));
    let idle = resident(demo.id())?;
    target.measure()?;
    let busy = resident(demo.id())?;
    let body = target.body.clone();
    drop((target, demo));
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(first_token(&server, &folder, &body)?);
    }
    starts.sort_unstable();
    let start = starts[STARTS / 2].as_millis();
    let binary = std::fs::metadata(&server).map_err(|e| e.to_string())?.len();
    forget(&folder)?;
    Ok(format!(
        "| what | figure |\n|---|---|\n| resident memory of the demo on SQLite, idle | {idle} MiB |\n| the same after three seconds of tokens | {busy} MiB |\n| from the start with an existing database to the first token, median of {STARTS} | {start} ms |\n| the binary | {} MiB |\n",
        binary / 1024 / 1024
    ))
}

/// Resident memory in MiB (proc(5), /proc/pid/status).
pub(super) fn resident(process: u32) -> Result<u64, String> {
    let status = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&status).map_err(|e| format!("cannot read {status}: {e}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kib.ok_or_else(|| format!("{status} has no VmRSS"))? / 1024)
}

/// Kills the process when dropped.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        if self.0.kill().is_ok() && self.0.wait().is_err() {
            eprintln!("xtask: the server did not end");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "time is what is measured")]
fn first_token(server: &Path, data: &Path, body: &str) -> Result<Duration, String> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let address = address.map_err(|e| format!("no free port: {e}"))?.to_string();
    let began = Instant::now();
    let mut serve = Demo::command(Path::new("taskset"), data);
    serve
        .args(["-c", SERVER_CORE])
        .arg(server)
        .arg("serve")
        .env("WMDA_AUTH__SERVER__BIND", &address)
        .env("WMDA_AUTH__SERVER__PUBLIC_URL", format!("http://{address}"))
        .stderr(Stdio::null());
    let _serving = Serving(
        serve
            .spawn()
            .map_err(|e| format!("cannot run {}: {e}", server.display()))?,
    );
    let request = format!(
        "POST /oauth2/token HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    loop {
        let mut answer = String::new();
        let asked = TcpStream::connect(&address).and_then(|mut stream| {
            stream.write_all(request.as_bytes())?;
            stream.read_to_string(&mut answer)
        });
        if asked.is_ok() && answer.starts_with("HTTP/1.1 200") {
            return Ok(began.elapsed());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("no token within {PATIENCE:?}: {answer}"));
        }
        thread::sleep(Duration::from_millis(1));
    }
}
