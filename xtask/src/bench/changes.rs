//! Changes while tokens are asked for.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{
    CLIENT_CORE,
    wrk::{Measured, Target},
};
use crate::demo::Demo;
use crate::shell::{self, Outcome};

/// People who change things; stopped between measurements, killed when dropped.
pub(super) struct Changes(Child);

impl Changes {
    pub(super) fn start(root: &Path, demo: &Demo) -> Result<Self, String> {
        let mut people = Command::new("taskset");
        people
            .args(["-c", CLIENT_CORE, "python3"])
            .arg(root.join("xtask/src/bench/changes.py"))
            .env("PYTHONPATH", root.join("tests/attacks"))
            .env("WMDA_AUTH_DEMO", demo.json())
            .stdout(Stdio::piped());
        let child = people
            .spawn()
            .map_err(|e| format!("cannot run changes.py: {e}"))?;
        let mut changes = Self(child);
        let output = changes.0.stdout.take().ok_or("no standard output")?;
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        if read.is_err() || line.trim() != "signed in" {
            return Err("changes.py: nobody signed in".to_owned());
        }
        changes.signal("STOP")?;
        Ok(changes)
    }

    fn signal(&self, name: &str) -> Outcome {
        let mut kill = Command::new("kill");
        shell::output(kill.args([format!("-{name}"), self.0.id().to_string()])).map(drop)
    }

    /// Tokens while they work.
    pub(super) fn beside(&self, target: &Target) -> Result<Measured, String> {
        self.signal("CONT")?;
        let measured = target.measure();
        self.signal("STOP")?;
        measured
    }

    /// Fails if they have given up before.
    pub(super) fn end(mut self) -> Outcome {
        match self.0.try_wait() {
            Ok(None) => Ok(()),
            _ => Err("changes.py ended before the measurement did".to_owned()),
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        if self.0.kill().is_ok() && self.0.wait().is_err() {
            eprintln!("xtask: changes.py did not end");
        }
    }
}
