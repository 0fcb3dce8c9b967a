//! Runs the real binary on a database of its own, and sends it requests.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use reqwest::{
    blocking::{Client, RequestBuilder},
    header::{CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;
use tempfile::TempDir;

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const GRANT: &str = "grant_type=client_credentials";

/// The binary, with a quiet environment.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wmda-auth"));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// One HTTP client for all tests; it follows nothing and trusts nobody.
pub fn http() -> Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    let build = || {
        // A second installation is refused, and the first one serves as well.
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

/// What came back.
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

/// A client that the demo made.
pub struct Credentials {
    pub id: String,
    pub secret: String,
    pub resources: Vec<String>,
}

impl Credentials {
    fn read(value: &Value) -> Self {
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
    /// Two resources: Search & Match and Match-Connect.
    pub search: Credentials,
    /// One resource: Data Manager.
    pub upload: Credentials,
    pub expired: Credentials,
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
        let dir = TempDir::new().unwrap();
        let mut command = binary();
        command
            .args(["demo", "--json", "--port", "0", "--data-dir"])
            .arg(dir.path().join("data"))
            .env("WMDA_AUTH__DATABASE__POOL_SIZE", "3")
            .stdout(Stdio::piped())
            .stderr(File::create(dir.path().join("log")).unwrap());
        if let Some(url) = database_url {
            command.env("WMDA_AUTH__DATABASE__URL", url);
        }
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let summary: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            panic!(
                "the demo did not start: {}",
                fs::read_to_string(dir.path().join("log")).unwrap()
            )
        });
        Self {
            base: summary["base_url"].as_str().unwrap().to_owned(),
            tenant: summary["tenant_id"].as_str().unwrap().to_owned(),
            search: Credentials::read(&summary["clients"][0]),
            upload: Credentials::read(&summary["clients"][1]),
            expired: Credentials::read(&summary["expired"]),
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

    /// A form for any path.
    pub fn post(&self, path: &str, body: impl Into<String>) -> RequestBuilder {
        http()
            .post(self.url(path))
            .header(CONTENT_TYPE, FORM)
            .body(body.into())
    }

    /// A form for the token endpoint.
    pub fn token(&self, body: impl Into<String>) -> RequestBuilder {
        self.post("/oauth2/token", body)
    }

    pub fn v1(&self) -> String {
        format!("/{}/oauth2/token", self.tenant)
    }

    pub fn v2(&self) -> String {
        format!("/{}/oauth2/v2.0/token", self.tenant)
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// SIGTERM, then the exit status.
    pub fn terminate(&mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
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

fn postgres_server() -> String {
    std::env::var("WMDA_AUTH_TEST_POSTGRES_URL")
        .expect("WMDA_AUTH_TEST_POSTGRES_URL is not set: run `cargo xtask test`")
}

/// The URL of a fresh, empty database.
pub fn postgres_database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = postgres_server();
    let name = format!(
        "token_endpoint_{}_{}",
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

/// A way to Postgres that can be cut.
pub struct Proxy {
    pub url: String,
    link: Arc<Link>,
}

struct Link {
    open: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub fn start(database_url: &str) -> Self {
        let (user, rest) = database_url.split_once('@').unwrap();
        let (target, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{user}@{}/{database}", listener.local_addr().unwrap());
        let link = Arc::new(Link {
            open: AtomicBool::new(true),
            sockets: Mutex::default(),
        });
        let (target, shared) = (target.to_owned(), Arc::clone(&link));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                shared.forward(client, &target);
            }
        });
        Self { url, link }
    }

    /// Closes every connection; new ones are closed at once.
    pub fn cut(&self) {
        self.link.open.store(false, Ordering::SeqCst);
        for socket in self.link.sockets.lock().unwrap().drain(..) {
            // A connection that is closed already is what is wanted.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    pub fn restore(&self) {
        self.link.open.store(true, Ordering::SeqCst);
    }
}

impl Link {
    fn forward(&self, client: TcpStream, target: &str) {
        let mut sockets = self.sockets.lock().unwrap();
        if !self.open.load(Ordering::SeqCst) {
            return;
        }
        let server = TcpStream::connect(target).unwrap();
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            thread::spawn(move || {
                // However the copy ends, both directions end with it.
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
        sockets.extend([client, server]);
    }
}

/// How long `work` takes, with its outcome.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let outcome = work();
    (began.elapsed(), outcome)
}
