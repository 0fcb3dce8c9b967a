//! `cargo xtask load`: tokens per second of the built server on one core, beside the bare handler of
//! `crates/token-endpoint/examples/bare.rs` on the same core. `wrk` runs on another one.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::demo::Demo;
use crate::shell::{self, Outcome};

const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";
const ROUNDS: usize = 7;

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
        let urls = [
            format!("{}/oauth2/token", demo.text("base_url")?),
            format!("{}/{algorithm}", bare.url),
        ];
        let measured = compare(&script, &urls);
        let removed = std::fs::remove_file(&script);
        println!("{algorithm}: {}", measured?);
        removed.map_err(|e| format!("cannot remove {}: {e}", script.display()))?;
    }
    Ok(())
}

/// Alternates, so that what else the machine does meets both; the median of the ratios.
fn compare(script: &Path, [server, bare]: &[String; 2]) -> Result<String, String> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let (handler, ours) = (measure(script, bare)?, measure(script, server)?);
        rounds.push((ours.rate / handler.rate, ours, handler));
    }
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (lowest, highest) = (rounds[0].0, rounds[ROUNDS - 1].0);
    let (ratio, ours, handler) = &rounds[ROUNDS / 2];
    Ok(format!(
        "ratio {ratio:.2} ({lowest:.2} to {highest:.2}); server {:.0}/s, p99 {}; bare handler {:.0}/s, p99 {}",
        ours.rate, ours.p99, handler.rate, handler.p99
    ))
}

struct Measured {
    rate: f64,
    p99: String,
}

/// Requests per second over 16 keep-alive connections; an answer other than 2xx is a failure of the measurement.
fn measure(script: &Path, url: &str) -> Result<Measured, String> {
    let mut wrk = Command::new("taskset");
    wrk.args(["-c", CLIENT_CORE, "wrk", "-t1", "-c16", "-d3s", "--latency", "-s"]);
    let report = shell::output(wrk.arg(script).arg(url))?;
    if report.contains("Non-2xx") {
        return Err(format!("{url} answered errors:\n{report}"));
    }
    let after = |mark: &str| {
        let mut lines = report.lines().map(str::trim);
        let found = lines.find_map(|line| line.strip_prefix(mark));
        found
            .map(str::trim)
            .ok_or_else(|| format!("wrk gave no {mark}\n{report}"))
    };
    Ok(Measured {
        rate: after("Requests/sec:")?
            .parse()
            .map_err(|_| "wrk gave no number".to_owned())?,
        p99: after("99%")?.to_owned(),
    })
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
