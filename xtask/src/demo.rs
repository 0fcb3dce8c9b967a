//! A running `wmda-auth demo`, killed when dropped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(crate) struct Demo {
    child: Child,
    json: String,
}

impl Demo {
    pub(crate) fn start(program: &Path, database: Option<&str>) -> Result<Self, String> {
        let mut command = Command::new(program);
        command
            .args(["demo", "--json", "--port", "0", "--tls"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(url) = database {
            command.env("WMDA_AUTH__DATABASE__URL", url);
        }
        let child = command
            .spawn()
            .map_err(|e| format!("cannot run {}: {e}", program.display()))?;
        let mut demo = Self {
            child,
            json: String::new(),
        };
        demo.json = demo.first_line()?;
        Ok(demo)
    }

    /// The line of JSON that it printed: it has secrets, so it goes into an environment and not into a log.
    pub(crate) fn json(&self) -> &str {
        &self.json
    }

    /// The text behind a key at the top level. Only for plain paths: escapes are not decoded.
    pub(crate) fn text(&self, key: &str) -> Result<&str, String> {
        let marker = format!("\"{key}\":\"");
        let start = self.json.find(&marker).map(|at| at + marker.len());
        let rest = start
            .and_then(|at| self.json.get(at..))
            .ok_or_else(|| format!("the demo's line lacks {key}"))?;
        rest.split('"')
            .next()
            .ok_or_else(|| format!("the demo's {key} does not end"))
    }

    fn first_line(&mut self) -> Result<String, String> {
        let output = self
            .child
            .stdout
            .take()
            .ok_or("the demo has no standard output")?;
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .map_err(|e| format!("cannot read from the demo: {e}"))?;
        if line.trim().is_empty() {
            return Err("the demo ended before it was ready to serve".to_owned());
        }
        Ok(line.trim().to_owned())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if self.child.kill().is_ok() && self.child.wait().is_err() {
            eprintln!("xtask: the demo did not end");
        }
    }
}
