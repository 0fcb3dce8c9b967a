//! `cargo xtask load`: tokens per second of the built server on one core, beside the bare handler of
//! `crates/token-endpoint/examples/bare.rs` on the same core. `wrk` runs on another one.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::demo::Demo;
use crate::shell::{self, Outcome};

const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";

pub(crate) fn run(root: &Path) -> Outcome {
    for program in ["wrk", "taskset"] {
        if !shell::succeeds(Command::new("which").arg(program)) {
            return Err(format!("{program} is missing: apt-get install wrk util-linux"));
        }
    }
    shell::run(shell::cargo(root).args(["build", "--release", "--locked", "-p", "server"]))?;
    shell::run(shell::cargo(root).args([
        "build",
        "--release",
        "--locked",
        "-p",
        "token-endpoint",
        "--example",
        "bare",
    ]))?;
    let release = shell::target_dir(root).join("release");
    let bare = Bare::start(&release.join("examples/bare"))?;
    let demo = Demo::start_pinned(&release.join("wmda-auth"), SERVER_CORE)?;
    for (algorithm, client) in [("es256", 0), ("rs256", 1)] {
        let body = demo.token_request(client)?;
        let script = release.join(format!("{algorithm}.lua"));
        let lines = format!(
            "wrk.method = \"POST\"\nwrk.body = \"{body}\"\nwrk.headers[\"Content-Type\"] = \"application/x-www-form-urlencoded\"\n"
        );
        std::fs::write(&script, lines).map_err(|e| format!("cannot write {}: {e}", script.display()))?;
        let handler = measure(&script, &format!("{}/{algorithm}", bare.url))?;
        let server = measure(&script, &format!("{}/oauth2/token", demo.text("base_url")?))?;
        let removed = std::fs::remove_file(&script);
        println!(
            "{algorithm}: server {server:.0}/s, bare handler {handler:.0}/s, ratio {:.2}",
            server / handler
        );
        removed.map_err(|e| format!("cannot remove {}: {e}", script.display()))?;
    }
    Ok(())
}

/// Requests per second over 16 keep-alive connections; an answer other than 2xx is a failure of the measurement.
fn measure(script: &Path, url: &str) -> Result<f64, String> {
    let mut wrk = Command::new("taskset");
    wrk.args([
        "-c",
        CLIENT_CORE,
        "wrk",
        "-t1",
        "-c16",
        "-d10s",
        "--latency",
        "-s",
    ]);
    let report = shell::output(wrk.arg(script).arg(url))?;
    if report.contains("Non-2xx") {
        return Err(format!("{url} answered errors:\n{report}"));
    }
    for line in report.lines().filter(|line| line.trim().starts_with("99%")) {
        println!("{url} p99 {}", line.trim().trim_start_matches("99%").trim());
    }
    let rate = report
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .and_then(|rate| rate.trim().parse().ok());
    rate.ok_or_else(|| format!("wrk gave no rate:\n{report}"))
}

struct Bare {
    child: Child,
    url: String,
}

impl Bare {
    fn start(program: &Path) -> Result<Self, String> {
        let failed = |e: std::io::Error| format!("cannot run {}: {e}", program.display());
        let mut pinned = Command::new("taskset");
        pinned
            .args(["-c", SERVER_CORE])
            .arg(program)
            .stdout(Stdio::piped());
        let mut child = pinned.spawn().map_err(failed)?;
        let output = child.stdout.take().ok_or("no standard output")?;
        let mut url = String::new();
        BufReader::new(output).read_line(&mut url).map_err(failed)?;
        Ok(Self {
            child,
            url: url.trim().to_owned(),
        })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        if self.child.kill().is_ok() && self.child.wait().is_err() {
            eprintln!("xtask: the bare handler did not end");
        }
    }
}
