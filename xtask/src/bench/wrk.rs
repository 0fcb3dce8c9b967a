//! Closed-loop load: as many requests as 16 keep-alive connections allow, by `wrk` on a core of its own.

use std::path::PathBuf;
use std::process::Command;

use super::CLIENT_CORE;
use crate::demo::Demo;
use crate::shell;

const ROUNDS: usize = 7;

/// A target: a URL, and the requests that `wrk` sends there.
pub(super) struct Target {
    pub(super) url: String,
    pub(super) body: String,
    /// Deleted when dropped, as it holds a secret.
    script: PathBuf,
    /// Whether refusals are expected.
    is_refused: bool,
}

impl Target {
    /// A target that gets the same form repeatedly.
    pub(super) fn new(url: String, body: String, script: PathBuf) -> Result<Self, String> {
        let lua = format!("wrk.body = \"{body}\"\n");
        Self::scripted(url, body, (&lua, script))
    }

    /// A target whose requests a Lua script builds.
    pub(super) fn scripted(
        url: String,
        body: String,
        (lua, script): (&str, PathBuf),
    ) -> Result<Self, String> {
        let lines = format!(
            "wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/x-www-form-urlencoded\"\n{lua}"
        );
        std::fs::write(&script, lines).map_err(|e| format!("cannot write {}: {e}", script.display()))?;
        Ok(Self {
            url,
            body,
            script,
            is_refused: false,
        })
    }

    /// Token requests of a demo client, by its index in the list.
    pub(super) fn of_demo(demo: &Demo, client: usize, script: PathBuf) -> Result<Self, String> {
        Self::new(token_url(demo)?, demo.token_request(client)?, script)
    }

    /// Expects every answer to be a refusal.
    pub(super) fn refused(mut self) -> Self {
        self.is_refused = true;
        self
    }

    /// Requests per second; an unexpected status makes the measurement fail.
    pub(super) fn measure(&self) -> Result<Measured, String> {
        let report = shell::output(&mut self.command("3s"))?;
        if report.contains("Non-2xx") != self.is_refused {
            return Err(format!(
                "{} answered otherwise than expected:\n{report}",
                self.url
            ));
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
            p99: millis(after("99%")?).ok_or("wrk gave no latency")?,
        })
    }

    /// A token.
    pub(super) fn token(&self) -> Result<String, String> {
        let mut curl = Command::new("curl");
        let answer = shell::output(curl.args(["-s", "-d", &self.body, &self.url]))?;
        let token = answer.split("\"access_token\":\"").nth(1);
        let token = token.and_then(|rest| rest.split('"').next());
        Ok(token.ok_or(answer.clone())?.to_owned())
    }

    /// The `wrk` command for this duration.
    pub(super) fn command(&self, duration: &str) -> Command {
        let mut wrk = Command::new("taskset");
        wrk.args([
            "-c",
            CLIENT_CORE,
            "wrk",
            "-t1",
            "-c16",
            "--latency",
            "-d",
            duration,
            "-s",
        ]);
        wrk.arg(&self.script).arg(&self.url);
        wrk
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Err(problem) = std::fs::remove_file(&self.script) {
            eprintln!("xtask: {} is left behind: {problem}", self.script.display());
        }
    }
}

pub(super) fn token_url(demo: &Demo) -> Result<String, String> {
    Ok(format!("{}/oauth2/token", demo.text("base_url")?))
}

/// Parses latencies of `wrk` such as `812.00us`, `1.20ms` or `1.01s`.
fn millis(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    let (number, factor) = units
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    Some(number.parse::<f64>().ok()? * factor)
}

pub(super) struct Measured {
    pub(super) rate: f64,
    /// In milliseconds.
    pub(super) p99: f64,
}

/// The median of the ratios of the first to the second, its spread, and the figures of that round.
pub(super) struct Comparison {
    pub(super) ratio: f64,
    pub(super) spread: (f64, f64),
    pub(super) first: Measured,
    pub(super) second: Measured,
}

impl Comparison {
    /// Alternates, so that other load on the machine affects both.
    pub(super) fn of(one: &Target, other: &Target) -> Result<Self, String> {
        Self::made(|| one.measure(), || other.measure())
    }

    /// Compares any two measurements.
    pub(super) fn made(
        one: impl Fn() -> Result<Measured, String>,
        other: impl Fn() -> Result<Measured, String>,
    ) -> Result<Self, String> {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let (second, first) = (other()?, one()?);
            rounds.push((first.rate / second.rate, first, second));
        }
        rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
        let spread = (rounds[0].0, rounds[ROUNDS - 1].0);
        let (ratio, first, second) = rounds.swap_remove(ROUNDS / 2);
        Ok(Self {
            ratio,
            spread,
            first,
            second,
        })
    }
}
