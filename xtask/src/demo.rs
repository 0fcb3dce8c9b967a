//! A running `wmda-auth demo`, killed when dropped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Hosts to be reached without a proxy.
pub(crate) const LOOPBACK: &str = "127.0.0.1,localhost";

pub(crate) struct Demo {
    child: Child,
    json: String,
}

impl Demo {
    pub(crate) fn start(program: &Path, database: Option<&str>) -> Result<Self, String> {
        let mut command = Command::new(program);
        command
            .args(["demo", "--json", "--port", "0", "--tls"])
            // The suites cause thousands of refusals.
            .env("RUST_LOG", "error")
            // They create more secrets than people do.
            .env("WMDA_AUTH__LIMITS__SECRETS_PER_HOUR", "10000")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        match database {
            Some(url) => command.env("WMDA_AUTH__DATABASE__URL", url),
            None => command.env_remove("WMDA_AUTH__DATABASE__URL"),
        };
        Self::spawn(command)
    }

    /// Starts it on plain http with one worker on one core, without a log.
    pub(crate) fn start_pinned(program: &Path, core: &str, data: &Path) -> Result<Self, String> {
        Self::spawn(Self::pinned(program, core, data))
    }

    /// The same over TLS.
    pub(crate) fn start_pinned_tls(program: &Path, core: &str, data: &Path) -> Result<Self, String> {
        let mut command = Self::pinned(program, core, data);
        command.arg("--tls");
        Self::spawn(command)
    }

    fn pinned(program: &Path, core: &str, data: &Path) -> Command {
        let mut command = Command::new("taskset");
        command.args(["-c", core]).arg(program);
        command
            .args(["demo", "--json", "--port", "0", "--data-dir"])
            .arg(data)
            .env("WMDA_AUTH__SERVER__WORKERS", "1")
            .env("WMDA_AUTH__LIMITS__SECRETS_PER_HOUR", "10000")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        command
    }

    /// A command of the same program on a demo's data folder.
    pub(crate) fn command(program: &Path, data: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(data)
            .env("WMDA_AUTH__DATABASE__URL", "sqlite:wmda-auth.db")
            .env("WMDA_AUTH__SECRETS__PEPPER_FILE", "pepper")
            .env("WMDA_AUTH__KEYS__DIR", "keys");
        command
    }

    fn spawn(mut command: Command) -> Result<Self, String> {
        let child = command
            .spawn()
            .map_err(|e| format!("cannot run {}: {e}", command.get_program().display()))?;
        let mut demo = Self {
            child,
            json: String::new(),
        };
        demo.json = demo.first_line()?;
        Ok(demo)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its printed JSON, which contains secrets: for the environment, not for a log.
    pub(crate) fn json(&self) -> &str {
        &self.json
    }

    /// A token request for the first resource of a client, by its index in the list.
    pub(crate) fn token_request(&self, client: usize) -> Result<String, String> {
        token_request(&self.json, client)
    }

    /// Client id and first resource of the first client with a key.
    pub(crate) fn key_client(&self) -> Result<(&str, &str), String> {
        let list = self.list("key_clients")?;
        let resource = list.split("\"resources\":[\"").nth(1);
        let resource = resource.and_then(|rest| rest.split('"').next());
        Ok((
            text(list, "client_id")?,
            resource.ok_or("the client has no resource")?,
        ))
    }

    /// Client id and secret of the first resource server.
    pub(crate) fn resource_server(&self) -> Result<(&str, &str), String> {
        let list = self.list("resource_servers")?;
        Ok((text(list, "client_id")?, text(list, "client_secret")?))
    }

    fn list(&self, key: &str) -> Result<&str, String> {
        list(&self.json, key)
    }

    /// The text of a top-level member. For plain paths only: escapes are not decoded.
    pub(crate) fn text(&self, key: &str) -> Result<&str, String> {
        text(&self.json, key)
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

/// A token request for the first resource of a client in a demo's line, by its index in the list.
pub(crate) fn token_request(json: &str, client: usize) -> Result<String, String> {
    let entry = list(json, "clients")?
        .split('}')
        .nth(client)
        .ok_or("the demo's line lacks the client")?;
    let resource = entry.split("\"resources\":[\"").nth(1);
    let resource = resource.and_then(|rest| rest.split('"').next());
    Ok(format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&resource={}",
        text(entry, "client_id")?,
        text(entry, "client_secret")?,
        resource.ok_or("the client has no resource")?,
    ))
}

/// The text after the beginning of a list.
fn list<'a>(json: &'a str, key: &str) -> Result<&'a str, String> {
    let rest = json.split_once(&format!("\"{key}\":["));
    Ok(rest.ok_or_else(|| format!("the demo's line lacks {key}"))?.1)
}

fn text<'a>(json: &'a str, key: &str) -> Result<&'a str, String> {
    let marker = format!("\"{key}\":\"");
    let start = json.find(&marker).map(|at| at + marker.len());
    let rest = start
        .and_then(|at| json.get(at..))
        .ok_or_else(|| format!("the demo's line lacks {key}"))?;
    rest.split('"')
        .next()
        .ok_or_else(|| format!("the demo's {key} does not end"))
}

impl Drop for Demo {
    fn drop(&mut self) {
        if self.child.kill().is_ok() && self.child.wait().is_err() {
            eprintln!("xtask: the demo did not end");
        }
    }
}
