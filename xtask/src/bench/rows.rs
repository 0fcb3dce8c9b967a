//! The rows of the table: one target compared with another, in turn.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::{
    CLIENT_CORE, SERVER_CORE,
    bare::Bare,
    changes::Changes,
    forget, steady,
    wrk::{Comparison, Measured, Target, token_url},
};
use crate::demo::Demo;
use crate::shell::{self, Outcome};

/// The measured target, its counterpart, and the result.
pub(super) type Row = (String, &'static str, Comparison);

/// The demo's client whose resource uses the server's default algorithm, and that of "Data Manager".
const ES256_CLIENT: usize = 0;
const OTHER_CLIENT: usize = 1;
const PATIENCE_SECONDS: u32 = 30;
const OTHER_RESOURCE: &str = "4ff9e943-41d7-4430-b1cf-5502b9440601";

pub(super) fn all(root: &Path, release: &Path) -> Result<Vec<Row>, String> {
    let bench = Bench::start(release)?;
    let mut rows = Vec::new();
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let (ours, bare) = bench.pair(algorithm)?;
        rows.push((
            format!("tokens, {algorithm}"),
            "the bare handler",
            Comparison::of(&ours, &bare)?,
        ));
        if algorithm != "EdDSA" {
            rows.push((
                format!("tokens, {algorithm}, at half of its own maximum"),
                "the bare handler at half of its own",
                at_half(&ours, &bare)?,
            ));
        }
    }
    let right = bench.ours(ES256_CLIENT, "right")?;
    let wrong = right.body.replace("client_secret=", "client_secret=x");
    let wrong = Target::new(right.url.clone(), wrong, release.join("wrong.lua"))?.refused();
    rows.push((
        "wrong secrets".to_owned(),
        "right ones",
        Comparison::of(&wrong, &right)?,
    ));
    rows.push((
        "tokens beside as many connections with wrong secrets".to_owned(),
        "tokens beside as many with right ones",
        Comparison::made(|| beside(&right, &wrong), || beside(&right, &right))?,
    ));
    rows.push(assertions(&bench, &right)?);
    let introspection = bench.introspection()?;
    rows.push((
        "introspection".to_owned(),
        "tokens, ES256",
        Comparison::of(&introspection, &right)?,
    ));
    rows.push(beside_changes(root, &bench, &right)?);
    bench.end()?;
    Ok(rows)
}

pub(super) fn table(rows: &[Row]) -> String {
    let mut table = "| what | beside | ratio | of rounds | per second | p99, ms | beside: per second | p99, ms | p99, ratio |\n|---|---|---|---|---|---|---|---|---|\n".to_owned();
    for (what, beside, outcome) in rows {
        let Comparison {
            ratio,
            spread: (lowest, highest),
            first,
            second,
        } = outcome;
        // Writing into a string can't fail.
        let _ = writeln!(
            table,
            "| {what} | {beside} | {ratio:.2} | {lowest:.2} to {highest:.2} | {:.0} | {:.2} | {:.0} | {:.2} | {:.2} |",
            first.rate,
            first.p99,
            second.rate,
            second.p99,
            first.p99 / second.p99
        );
    }
    table
}

/// The server with the demo's data, and the bare handler.
struct Bench<'a> {
    release: &'a Path,
    bare: Bare,
    demo: Demo,
}

impl<'a> Bench<'a> {
    fn start(release: &'a Path) -> Result<Self, String> {
        Ok(Self {
            release,
            bare: Bare::start(&release.join("examples/bare"), &[])?,
            demo: Demo::start_pinned(&release.join("wmda-auth"), SERVER_CORE, &folder(release))?,
        })
    }

    fn end(self) -> Outcome {
        let folder = folder(self.release);
        drop(self);
        forget(&folder)
    }

    fn script(&self, name: &str) -> std::path::PathBuf {
        self.release.join(format!("{name}.lua"))
    }

    fn ours(&self, client: usize, name: &str) -> Result<Target, String> {
        Target::of_demo(&self.demo, client, self.script(name))
    }

    /// The same request to both.
    fn pair(&self, algorithm: &str) -> Result<(Target, Target), String> {
        let client = match algorithm {
            "ES256" => ES256_CLIENT,
            _ => OTHER_CLIENT,
        };
        if algorithm == "EdDSA" {
            self.command(&["keys", "generate", "--algorithm", algorithm])?;
            let change = ["admin", "change-resource", OTHER_RESOURCE, "--signing-algorithm"];
            self.command(&[&change[..], &[algorithm]].concat())?;
        }
        let ours = self.ours(client, "ours")?;
        Self::wait_for_token(&ours)?;
        let url = format!("{}/{}", self.bare.url, algorithm.to_lowercase());
        let bare = Target::new(url, ours.body.clone(), self.script("bare"))?;
        Ok((ours, bare))
    }

    /// Waits until the running server has loaded the new key.
    fn wait_for_token(target: &Target) -> Outcome {
        for _ in 0..PATIENCE_SECONDS {
            if target.token().is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_secs(1));
        }
        target.token().map(drop)
    }

    fn command(&self, words: &[&str]) -> Outcome {
        let mut command = Demo::command(&self.release.join("wmda-auth"), &folder(self.release));
        command.args(words);
        shell::output(&mut command).map(drop)
    }

    /// A resource server introspects the same token repeatedly.
    fn introspection(&self) -> Result<Target, String> {
        let token = self.ours(ES256_CLIENT, "issue")?.token()?;
        let (id, secret) = self.demo.resource_server()?;
        let body = format!("client_id={id}&client_secret={secret}&token={token}");
        let url = format!("{}/oauth2/introspect", self.demo.text("base_url")?);
        Target::new(url, body, self.script("introspect"))
    }
}

fn folder(release: &Path) -> std::path::PathBuf {
    release.join("bench-few")
}

/// p99 of each at half of its maximum rate; the rates are included.
fn at_half(ours: &Target, bare: &Target) -> Result<Comparison, String> {
    let half = |target: &Target| {
        let rate = target.measure()?.rate / 2.0;
        let p99 = steady::p99(target, rate)?;
        Ok(Measured { rate, p99 })
    };
    Comparison::made(|| half(ours), || half(bare))
}

/// The throughput of `target` while another `wrk` loads `other`.
fn beside(target: &Target, other: &Target) -> Result<Measured, String> {
    let mut flood = other.command("5s");
    flood.stdout(Stdio::null());
    let mut flood = flood.spawn().map_err(|e| format!("cannot run wrk: {e}"))?;
    let measured = target.measure();
    flood.wait().map_err(|e| format!("wrk did not end: {e}"))?;
    measured
}

fn beside_changes(root: &Path, bench: &Bench<'_>, right: &Target) -> Result<Row, String> {
    let changes = Changes::start(root, &bench.demo)?;
    let outcome = Comparison::made(|| changes.beside(right), || right.measure())?;
    changes.end()?;
    Ok((
        "tokens while 12 connections create and delete secrets, and an organisation is disabled or enabled each second"
            .to_owned(),
        "tokens, ES256",
        outcome,
    ))
}

/// Assertions can be used once: enough of them are made beforehand.
fn assertions(bench: &Bench<'_>, right: &Target) -> Result<Row, String> {
    let (client_id, resource) = bench.demo.key_client()?;
    let base = bench.demo.text("base_url")?;
    let data = folder(bench.release);
    let measure = || {
        let bodies = bench.release.join("assertions.txt");
        let mut make = Command::new("taskset");
        make.args(["-c", CLIENT_CORE])
            .arg(bench.release.join("examples/assertions"));
        make.arg(&data).args([client_id, base, resource]);
        let made = shell::output(&mut make)?;
        std::fs::write(&bodies, made).map_err(|e| format!("cannot write {}: {e}", bodies.display()))?;
        let lua = format!(
            "local bodies = {{}}\nfor line in io.lines(\"{}\") do bodies[#bodies + 1] = line end\nlocal at = 0\nrequest = function() at = at + 1; return wrk.format(nil, nil, nil, bodies[at]) end\n",
            bodies.display()
        );
        let script = (lua.as_str(), bench.script("assertions"));
        let measured = Target::scripted(token_url(&bench.demo)?, String::new(), script)?.measure();
        std::fs::remove_file(&bodies).map_err(|e| format!("cannot remove {}: {e}", bodies.display()))?;
        measured
    };
    Ok((
        "tokens by ES256 assertion, each `jti` a row of the database".to_owned(),
        "tokens by secret",
        Comparison::made(measure, || right.measure())?,
    ))
}
