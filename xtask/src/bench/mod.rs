//! `cargo xtask bench`: tokens per second of the built server on one core, beside the bare handler of
//! `crates/token-endpoint/examples/bare.rs` on the same core, in turn; then wrong secrets beside right ones, and a crowd of
//! applications beside a handful. `wrk` runs on another core. The table goes into `docs/performance.md`.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::demo::Demo;
use crate::shell::{self, Outcome};
use crate::workspace::Workspace;

const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";
const ROUNDS: usize = 7;
/// More than this share of the machine's time taken by others, and nothing is measured.
const MOST_BUSY: f64 = 0.1;
/// The table stands between these lines of the document.
const TABLE: [&str; 2] = ["<!-- table: cargo xtask bench -->\n", "<!-- end of the table -->"];

/// `scale` applications are compared with those of the demo.
pub(crate) fn run(workspace: &Workspace, scale: Option<u32>) -> Outcome {
    let build = ["build", "--release", "--locked", "-p"];
    shell::run(workspace.cargo(&build).arg("server"))?;
    shell::run(
        workspace
            .cargo(&build)
            .args(["token-endpoint", "--example", "bare"]),
    )?;
    refuse_when_busy()?;
    let release = workspace.target_dir().join("release");
    let mut rows = beside_the_bare_handler(&release)?;
    if let Some(scale) = scale {
        rows.push(crowded(workspace, &release, scale)?);
    }
    let table = table(&rows);
    println!("{table}");
    write_down(&workspace.root().join("docs/performance.md"), &table)
}

/// What is measured, beside what, and the outcome.
type Row = (String, &'static str, Comparison);

fn beside_the_bare_handler(release: &Path) -> Result<Vec<Row>, String> {
    let bare = Bare::start(&release.join("examples/bare"))?;
    let data = release.join("bench-few");
    let demo = Demo::start_pinned(&release.join("wmda-auth"), SERVER_CORE, &data)?;
    let mut rows = Vec::new();
    for (algorithm, client) in [("ES256", 0), ("RS256", 1)] {
        let ours = Target::of_demo(&demo, client, release.join("ours.lua"))?;
        let path = format!("{}/{}", bare.url, algorithm.to_lowercase());
        let handler = Target::new(path, &demo.token_request(client)?, release.join("bare.lua"))?;
        let what = format!("tokens, {algorithm}");
        rows.push((what, "the bare handler", compare(&ours, &handler)?));
    }
    let right = Target::of_demo(&demo, 0, release.join("right.lua"))?;
    let wrong = demo
        .token_request(0)?
        .replace("client_secret=", "client_secret=x");
    let mut wrong = Target::new(right.url.clone(), &wrong, release.join("wrong.lua"))?;
    wrong.is_refused = true;
    rows.push(("wrong secrets".to_owned(), "right ones", compare(&wrong, &right)?));
    drop(demo);
    forget(&data)?;
    Ok(rows)
}

fn crowded(workspace: &Workspace, release: &Path, scale: u32) -> Result<Row, String> {
    let (server, few) = (release.join("wmda-auth"), release.join("bench-few"));
    let many = crowd(workspace.root(), &server, &release.join("bench-many"), scale)?;
    let (demo, crowded) = (
        Demo::start_pinned(&server, SERVER_CORE, &few)?,
        Demo::start_pinned(&server, SERVER_CORE, &many)?,
    );
    let ours = Target::of_demo(&crowded, 0, release.join("many.lua"))?;
    let handler = Target::of_demo(&demo, 0, release.join("few.lua"))?;
    let outcome = compare(&ours, &handler)?;
    drop((demo, crowded));
    [few, many].iter().try_for_each(|dir| forget(dir))?;
    Ok((
        format!("tokens, ES256, beside {scale} applications"),
        "the same with those of the demo",
        outcome,
    ))
}

fn forget(dir: &Path) -> Outcome {
    std::fs::remove_dir_all(dir).map_err(|e| format!("cannot remove {}: {e}", dir.display()))
}

/// A figure that was taken beside other work says nothing.
fn refuse_when_busy() -> Outcome {
    let before = processor_time()?;
    thread::sleep(Duration::from_secs(2));
    let after = processor_time()?;
    let busy = 1.0 - (after.0 - before.0) / (after.1 - before.1);
    if busy <= MOST_BUSY {
        return Ok(());
    }
    Err(format!(
        "other work takes {:.0} % of this machine: end it, then measure again",
        busy * 100.0
    ))
}

/// Idle and whole time of all processors (proc(5), /proc/stat: the fourth and fifth number are idle).
fn processor_time() -> Result<(f64, f64), String> {
    let text = std::fs::read_to_string("/proc/stat").map_err(|e| format!("cannot read /proc/stat: {e}"))?;
    let numbers: Vec<f64> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let idle = numbers.iter().skip(3).take(2).sum();
    Ok((idle, numbers.iter().take(8).sum()))
}

fn table(rows: &[Row]) -> String {
    let mut table = "| what | beside | ratio | of rounds | per second | p99 | beside: per second | p99 |\n|---|---|---|---|---|---|---|---|\n".to_owned();
    for (what, beside, outcome) in rows {
        let Comparison {
            ratio,
            spread: (lowest, highest),
            first,
            second,
        } = outcome;
        // Writing into a string does not fail.
        let _ = writeln!(
            table,
            "| {what} | {beside} | {ratio:.2} | {lowest:.2} to {highest:.2} | {:.0} | {} | {:.0} | {} |",
            first.rate, first.p99, second.rate, second.p99
        );
    }
    table
}

fn write_down(document: &Path, table: &str) -> Outcome {
    let failed = |e: std::io::Error| format!("{}: {e}", document.display());
    let text = std::fs::read_to_string(document).map_err(failed)?;
    let parts = text
        .split_once(TABLE[0])
        .and_then(|(before, rest)| Some((before, rest.split_once(TABLE[1])?.1)));
    let (before, after) = parts.ok_or("docs/performance.md has no place for the table")?;
    let [begin, end] = TABLE;
    std::fs::write(document, format!("{before}{begin}{table}{end}{after}")).map_err(failed)
}

/// A data folder with `scale` applications, each with a secret, beside those of the demo.
fn crowd(root: &Path, server: &Path, dir: &Path, scale: u32) -> Result<PathBuf, String> {
    drop(Demo::start_pinned(server, SERVER_CORE, dir)?);
    shell::announce(&format!("adding {scale} applications"));
    let execute = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read().replace('1000000', sys.argv[3]))";
    let mut python = Command::new("python3");
    python.args(["-c", execute]).arg(dir.join("wmda-auth.db"));
    python
        .arg(root.join("xtask/src/crowd.sql"))
        .arg(scale.to_string());
    shell::run(&mut python)?;
    Ok(dir.to_owned())
}

/// What is measured: an address, and the request that `wrk` sends there.
struct Target {
    url: String,
    /// Gone when dropped: it holds a secret.
    script: PathBuf,
    /// Whether its answers are refusals.
    is_refused: bool,
}

impl Target {
    fn new(url: String, body: &str, script: PathBuf) -> Result<Self, String> {
        let lines = format!(
            "wrk.method = \"POST\"\nwrk.body = \"{body}\"\nwrk.headers[\"Content-Type\"] = \"application/x-www-form-urlencoded\"\n"
        );
        std::fs::write(&script, lines).map_err(|e| format!("cannot write {}: {e}", script.display()))?;
        Ok(Self {
            url,
            script,
            is_refused: false,
        })
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

/// The median of the ratios of the first to the second, its spread, and the figures of that round.
struct Comparison {
    ratio: f64,
    spread: (f64, f64),
    first: Measured,
    second: Measured,
}

/// Alternates, so that what else the machine does meets both.
fn compare(one: &Target, other: &Target) -> Result<Comparison, String> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let (second, first) = (measure(other)?, measure(one)?);
        rounds.push((first.rate / second.rate, first, second));
    }
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let spread = (rounds[0].0, rounds[ROUNDS - 1].0);
    let (ratio, first, second) = rounds.swap_remove(ROUNDS / 2);
    Ok(Comparison {
        ratio,
        spread,
        first,
        second,
    })
}

struct Measured {
    rate: f64,
    p99: String,
}

/// Requests per second over 16 keep-alive connections; an answer of the other kind is a failure of the measurement.
fn measure(
    Target {
        url,
        script,
        is_refused,
    }: &Target,
) -> Result<Measured, String> {
    let mut wrk = Command::new("taskset");
    wrk.args(["-c", CLIENT_CORE, "wrk", "-t1", "-c16", "-d3s", "--latency", "-s"]);
    let report = shell::output(wrk.arg(script).arg(url))?;
    if report.contains("Non-2xx") != *is_refused {
        return Err(format!("{url} answered otherwise than expected:\n{report}"));
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
