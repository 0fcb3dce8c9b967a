//! `cargo xtask load`: tokens per second of the built server on one core, beside the bare handler of
//! `crates/token-endpoint/examples/bare.rs` on the same core, and with a million applications beside a handful. `wrk` runs
//! on another core.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::demo::Demo;
use crate::shell::{self, Outcome};
use crate::workspace::Workspace;

const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";
const ROUNDS: usize = 7;

pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let build = ["build", "--release", "--locked", "-p"];
    shell::run(workspace.cargo(&build).arg("server"))?;
    shell::run(
        workspace
            .cargo(&build)
            .args(["token-endpoint", "--example", "bare"]),
    )?;
    let release = workspace.target_dir().join("release");
    let server = release.join("wmda-auth");
    let bare = Bare::start(&release.join("examples/bare"))?;
    let few = release.join("load-few");
    let demo = Demo::start_pinned(&server, SERVER_CORE, &few)?;
    for (algorithm, client) in [("es256", 0), ("rs256", 1)] {
        let ours = Target::of_demo(&demo, client, release.join("ours.lua"))?;
        let handler = Target::new(
            format!("{}/{algorithm}", bare.url),
            &demo.token_request(client)?,
            release.join("bare.lua"),
        )?;
        println!(
            "{algorithm}, beside the bare handler: {}",
            compare(&ours, &handler)?
        );
    }
    let many = crowd(workspace.root(), &server, &release.join("load-many"))?;
    let crowded = Demo::start_pinned(&server, SERVER_CORE, &many)?;
    let ours = Target::of_demo(&crowded, 0, release.join("many.lua"))?;
    let handler = Target::of_demo(&demo, 0, release.join("few.lua"))?;
    println!(
        "es256, 1,000,000 applications beside 5: {}",
        compare(&ours, &handler)?
    );
    drop((demo, crowded));
    [few, many].iter().try_for_each(|dir| {
        std::fs::remove_dir_all(dir).map_err(|e| format!("cannot remove {}: {e}", dir.display()))
    })
}

/// A data folder with a million applications, each with a secret, beside those of the demo.
fn crowd(root: &Path, server: &Path, dir: &Path) -> Result<PathBuf, String> {
    drop(Demo::start_pinned(server, SERVER_CORE, dir)?);
    shell::announce("adding 1,000,000 applications");
    let execute = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())";
    let mut python = Command::new("python3");
    python.args(["-c", execute]).arg(dir.join("wmda-auth.db"));
    shell::run(python.arg(root.join("xtask/src/crowd.sql")))?;
    Ok(dir.to_owned())
}

/// What is measured: an address, and the request that `wrk` sends there.
struct Target {
    url: String,
    /// Gone when dropped: it holds a secret.
    script: PathBuf,
}

impl Target {
    fn new(url: String, body: &str, script: PathBuf) -> Result<Self, String> {
        let lines = format!(
            "wrk.method = \"POST\"\nwrk.body = \"{body}\"\nwrk.headers[\"Content-Type\"] = \"application/x-www-form-urlencoded\"\n"
        );
        std::fs::write(&script, lines).map_err(|e| format!("cannot write {}: {e}", script.display()))?;
        Ok(Self { url, script })
    }

    fn of_demo(demo: &Demo, client: usize, script: PathBuf) -> Result<Self, String> {
        let url = format!("{}/oauth2/token", demo.text("base_url")?);
        Self::new(url, &demo.token_request(client)?, script)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Err(problem) = std::fs::remove_file(&self.script) {
            eprintln!("xtask: {} is left behind: {problem}", self.script.display());
        }
    }
}

/// Alternates, so that what else the machine does meets both; the median of the ratios of the first to the second.
fn compare(one: &Target, other: &Target) -> Result<String, String> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let (second, first) = (measure(other)?, measure(one)?);
        rounds.push((first.rate / second.rate, first, second));
    }
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (lowest, highest) = (rounds[0].0, rounds[ROUNDS - 1].0);
    let (ratio, first, second) = &rounds[ROUNDS / 2];
    Ok(format!(
        "ratio {ratio:.2} ({lowest:.2} to {highest:.2}); {:.0}/s, p99 {}; beside {:.0}/s, p99 {}",
        first.rate, first.p99, second.rate, second.p99
    ))
}

struct Measured {
    rate: f64,
    p99: String,
}

/// Requests per second over 16 keep-alive connections; an answer other than 2xx is a failure of the measurement.
fn measure(Target { url, script }: &Target) -> Result<Measured, String> {
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
