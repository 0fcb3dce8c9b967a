//! Runs the real binary on a database of its own, and sends requests to it.

pub mod assertions;
pub mod cluster;
pub mod node;
pub mod people;
pub mod proofs;
pub mod proxy;
pub mod refusals;
pub mod secrets;
pub mod serving;

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use reqwest::{
    blocking::{Client, RequestBuilder},
    header::{CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;
use store::{DatabaseUrl, Store};
use tempfile::TempDir;

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const GRANT: &str = "grant_type=client_credentials";

/// The binary, with a clean environment.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wmda-auth"));
    // Set by cargo for the build: an operator's environment has no such variable, and `check` would report it.
    command.env_remove("WMDA_AUTH_COMMIT");
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// Time limit for start-up and shutdown of a process.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for a command that ends by itself.
pub fn finished(command: &mut Command) -> Output {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if !wait_until(PATIENCE, || child.try_wait().unwrap().is_some()) {
        child.kill().unwrap();
        panic!(
            "it did not end: {command:?}: {:?}",
            child.wait_with_output().unwrap()
        );
    }
    child.wait_with_output().unwrap()
}

/// Standard output of a command that must succeed.
pub fn succeeded(command: &mut Command) -> String {
    let output = finished(command);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the condition becomes true in time.
pub fn wait_until(time: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + time;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// One HTTP client for all tests; it follows no redirects and verifies no certificates.
pub fn http() -> Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    let build = || {
        // A second installation fails, and the first one serves as well.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .no_proxy()
            .build()
            .unwrap()
    };
    CLIENT.get_or_init(build).clone()
}

/// An HTTP answer.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn of(request: RequestBuilder) -> Self {
        let response = request.send().unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().unwrap(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} is no JSON", self.text))
    }

    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }
}

/// A client or resource server of the demo.
#[derive(Clone)]
pub struct Credentials {
    pub id: String,
    pub secret: String,
    pub resources: Vec<String>,
}

impl Credentials {
    pub fn read(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            id: text(&value["client_id"]),
            secret: text(&value["client_secret"]),
            resources: value["resources"]
                .as_array()
                .map(|all| all.iter().map(text).collect())
                .unwrap_or_default(),
        }
    }

    /// A body with grant type and credentials.
    pub fn body(&self) -> String {
        format!("{GRANT}&client_id={}&client_secret={}", self.id, self.secret)
    }
}

/// A running `wmda-auth demo`, killed on drop.
pub struct Demo {
    pub base: String,
    pub tenant: String,
    /// Has two resources: Search & Match and Match-Connect.
    pub search: Credentials,
    /// Has one resource: Data Manager.
    pub upload: Credentials,
    pub expired: Credentials,
    /// The demo's printed JSON.
    pub summary: Value,
    /// One for each of the six resources.
    pub resource_servers: Vec<Credentials>,
    database_url: String,
    dir: TempDir,
    child: Child,
}

impl Demo {
    pub fn sqlite() -> Self {
        Self::start(None)
    }

    pub fn postgres() -> Self {
        Self::start(Some(&postgres_database()))
    }

    pub fn start(database_url: Option<&str>) -> Self {
        Self::start_with(database_url, &[])
    }

    /// With configuration variables besides the database.
    pub fn start_with(database_url: Option<&str>, variables: &[(&str, &str)]) -> Self {
        Self::start_in(TempDir::new().unwrap(), database_url, variables)
    }

    /// On https, with a generated certificate.
    pub fn tls() -> Self {
        Self::launch(TempDir::new().unwrap(), None, &["--tls"], &[])
    }

    /// On the folder of an earlier demo.
    pub fn again(dir: TempDir) -> Self {
        Self::start_in(dir, None, &[])
    }

    /// Through a shell that runs `script` first: limits, redirections. `"$@"` stands for the demo.
    pub fn start_by(script: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new("bash");
        command.env_remove("RUST_LOG").stdin(Stdio::null()).args([
            "-c",
            script,
            "bash",
            env!("CARGO_BIN_EXE_wmda-auth"),
        ]);
        Self::launch_command(command, TempDir::new().unwrap(), None, arguments, variables)
    }

    fn start_in(dir: TempDir, database_url: Option<&str>, variables: &[(&str, &str)]) -> Self {
        Self::launch(dir, database_url, &[], variables)
    }

    fn launch(
        dir: TempDir,
        database_url: Option<&str>,
        options: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        Self::launch_command(binary(), dir, database_url, options, variables)
    }

    fn launch_command(
        mut command: Command,
        dir: TempDir,
        database_url: Option<&str>,
        options: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        command
            .args(["demo", "--json", "--port", "0"])
            .args(options)
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .env("WMDA_AUTH__DATABASE__POOL_SIZE", "3")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(File::create(dir.path().join("log")).unwrap());
        if let Some(url) = database_url {
            command.env("WMDA_AUTH__DATABASE__URL", url);
        }
        let mut child = command.spawn().unwrap();
        let line = first_line(child.stdout.take().unwrap());
        let Ok(summary) = serde_json::from_str::<Value>(&line) else {
            // There is no value yet whose drop would kill it.
            let _ = child.kill();
            let _ = child.wait();
            let log = fs::read_to_string(dir.path().join("log")).unwrap();
            panic!("the demo did not start: {log}");
        };
        Self {
            base: summary["base_url"].as_str().unwrap().to_owned(),
            tenant: summary["tenant_id"].as_str().unwrap().to_owned(),
            search: Credentials::read(&summary["clients"][0]),
            upload: Credentials::read(&summary["clients"][1]),
            expired: Credentials::read(&summary["expired"]),
            resource_servers: summary["resource_servers"]
                .as_array()
                .unwrap()
                .iter()
                .map(Credentials::read)
                .collect(),
            summary,
            database_url: database_url.map_or_else(
                || format!("sqlite:{}", dir.path().join("data/wmda-auth.db").display()),
                str::to_owned,
            ),
            dir,
            child,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn get(&self, path: &str) -> Answer {
        Answer::of(http().get(self.url(path)))
    }

    /// A form posted to any path.
    pub fn post(&self, path: &str, body: impl Into<String>) -> RequestBuilder {
        http()
            .post(self.url(path))
            .header(CONTENT_TYPE, FORM)
            .body(body.into())
    }

    /// A form posted to the token endpoint.
    pub fn token(&self, body: impl Into<String>) -> RequestBuilder {
        self.post("/oauth2/token", body)
    }

    pub fn v1(&self) -> String {
        format!("/{}/oauth2/token", self.tenant)
    }

    pub fn v2(&self) -> String {
        format!("/{}/oauth2/v2.0/token", self.tenant)
    }

    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// `wmda-auth admin` on its data.
    pub fn admin(&self, words: &[&str]) -> Command {
        let mut command = binary();
        command.arg("admin").args(words);
        command.arg("--data-dir").arg(self.data_dir());
        command.env("WMDA_AUTH__DATABASE__URL", self.database_url());
        command
    }

    /// The demo's store, for what has no route.
    pub fn store(&self) -> Store {
        Store::open(&DatabaseUrl::parse(&self.database_url).unwrap(), 1).unwrap()
    }

    /// The resource server of a resource.
    pub fn resource_server(&self, resource: &str) -> &Credentials {
        let answers = |server: &&Credentials| server.resources.iter().any(|own| own == resource);
        self.resource_servers.iter().find(answers).unwrap()
    }

    /// `127.0.0.1:port`, for HTTP written by hand.
    pub fn address(&self) -> &str {
        self.base.rsplit_once('/').unwrap().1
    }

    /// The process's peak memory in MiB.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        let kilobytes: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
        kilobytes / 1024
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        succeeded(Command::new("kill").args([&format!("-{name}"), &id]));
    }

    /// Sends SIGTERM; returns the exit status.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        let log = self.dir.path().join("log");
        assert!(
            wait_until(PATIENCE, || self.child.try_wait().unwrap().is_some()),
            "it does not end: {}",
            fs::read_to_string(log).unwrap()
        );
        self.child.wait().unwrap()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line of output; empty if that takes too long.
fn first_line(output: ChildStdout) -> String {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        // An unreadable line stays empty, and the waiting side may be gone.
        let _ = BufReader::new(output).read_line(&mut line);
        let _ = sender.send(line);
    });
    receiver.recv_timeout(PATIENCE).unwrap_or_default()
}

fn postgres_server() -> String {
    std::env::var("WMDA_AUTH_TEST_POSTGRES_URL")
        .expect("WMDA_AUTH_TEST_POSTGRES_URL is not set: run `cargo xtask test`")
}

/// The URL of a fresh, empty database.
pub fn postgres_database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = postgres_server();
    let name = format!(
        "server_{}_{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    );
    let folder = std::env::var("WMDA_AUTH_TEST_POSTGRES_BIN").unwrap_or_default();
    let made = Command::new(Path::new(&folder).join("psql"))
        .args([&server, "-qc", &format!("CREATE DATABASE {name}")])
        .status()
        .unwrap();
    assert!(made.success(), "no database could be made");
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}

/// The code block of the guide for member systems that begins with this line.
pub fn block_of_guide(first_line: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/member-systems.md");
    let text = fs::read_to_string(file).unwrap();
    let block = text.split_once(&format!("{first_line}\n")).unwrap().1;
    block.split("\n```").next().unwrap().to_owned()
}

/// The duration of `work`, with its result.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let outcome = work();
    (began.elapsed(), outcome)
}

/// Waits for background work, ten seconds at most.
pub fn eventually(mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !happened() {
        assert!(Instant::now() < end, "it did not happen within ten seconds");
        thread::sleep(Duration::from_millis(100));
    }
}
