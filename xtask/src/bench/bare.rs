//! What does nothing avoidable, as a process that is killed when dropped.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::SERVER_CORE;

pub(super) struct Bare {
    child: Child,
    pub(super) url: String,
}

impl Bare {
    /// A program that prints its address.
    pub(super) fn start(program: &Path, arguments: &[PathBuf]) -> Result<Self, String> {
        let failed = |e: std::io::Error| format!("cannot run {}: {e}", program.display());
        let mut pinned = Command::new("taskset");
        pinned
            .args(["-c", SERVER_CORE])
            .arg(program)
            .args(arguments)
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

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        if self.child.kill().is_ok() && self.child.wait().is_err() {
            eprintln!("xtask: what was measured against did not end");
        }
    }
}
