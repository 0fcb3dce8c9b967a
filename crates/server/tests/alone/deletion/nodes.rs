//! The nodes: `wmda-auth serve` on one database, each with a link of its own.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::Duration,
};

use domain::pepper::Pepper;
use store::{DatabaseUrl, Store};
use uuid::Uuid;

use super::link::Link;
use crate::support::{Demo, binary, http, postgres_database};

/// What the nodes share: database, keys, pepper, and the sample applications.
pub struct Site {
    demo: Demo,
    database_url: String,
    lease: Duration,
    /// Client id and a resource of each application.
    pub applications: Vec<(Uuid, String)>,
}

impl Site {
    /// Sets up a fresh database.
    pub fn new(lease: Duration) -> Self {
        let database_url = postgres_database();
        let mut demo = Demo::start(Some(&database_url));
        demo.terminate();
        let clients = [&demo.search, &demo.upload];
        let application = |client: &&crate::support::Credentials| {
            (Uuid::try_parse(&client.id).unwrap(), client.resources[0].clone())
        };
        Self {
            applications: clients.iter().map(application).collect(),
            demo,
            database_url,
            lease,
        }
    }

    pub fn pepper(&self) -> Pepper {
        Pepper::parse(&std::fs::read_to_string(self.demo.data_dir().join("pepper")).unwrap()).unwrap()
    }

    /// A direct connection to the database, around every link.
    pub fn store(&self) -> Store {
        Store::open(&DatabaseUrl::parse(&self.database_url).unwrap(), 4).unwrap()
    }

    /// The file that sets the wall clock of a node.
    fn clock(&self, port: u16) -> PathBuf {
        self.demo.data_dir().join(format!("clock-{port}"))
    }

    fn serve(&self, database: &str, port: u16) -> Command {
        let data = self.demo.data_dir();
        let mut command = binary();
        command
            .arg("serve")
            .current_dir(&data)
            .env("WMDA_AUTH__SERVER__BIND", format!("127.0.0.1:{port}"))
            .env("WMDA_AUTH__SERVER__WORKERS", "2")
            .env("WMDA_AUTH__SERVER__DRAIN_SECONDS", "0")
            .env("WMDA_AUTH__DATABASE__URL", database)
            .env("WMDA_AUTH__DATABASE__MIGRATE", "false")
            .env("WMDA_AUTH__KEYS__DIR", data.join("keys"))
            .env("WMDA_AUTH__SECRETS__PEPPER_FILE", data.join("pepper"))
            .env("WMDA_AUTH__CACHE__LEASE_MS", self.lease.as_millis().to_string())
            .env("WMDA_AUTH__LIMITS__FAILURES_PER_SECOND", "1000000")
            .env("WMDA_AUTH__LIMITS__FAILURE_BURST", "1000000")
            .env("RUST_LOG", "error")
            .env("LD_PRELOAD", faketime())
            .env("FAKETIME_TIMESTAMP_FILE", self.clock(port))
            .env("FAKETIME_CACHE_DURATION", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        command
    }
}

/// The library of the Debian package `faketime`: where `cargo xtask test` says, or where it is installed.
fn faketime() -> String {
    let library = std::env::var("WMDA_AUTH_TEST_FAKETIME").unwrap_or_else(|_| {
        format!(
            "/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1",
            std::env::consts::ARCH
        )
    });
    assert!(
        Path::new(&library).exists(),
        "{library} is missing: run `cargo xtask test`, or apt-get install faketime"
    );
    library
}

/// One node; killed on drop.
pub struct Node {
    pub link: Link,
    clock: PathBuf,
    port: u16,
    command: Mutex<Command>,
    child: Mutex<Option<Child>>,
    log: File,
}

impl Node {
    pub fn start(site: &Site) -> Self {
        let link = Link::to(&site.database_url);
        let port = free_port();
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(site.demo.data_dir().join(format!("node-{port}.log")))
            .unwrap();
        let node = Self {
            clock: site.clock(port),
            command: Mutex::new(site.serve(&link.url, port)),
            child: Mutex::default(),
            link,
            port,
            log,
        };
        node.step_clock(Duration::ZERO);
        node.launch();
        let ready = |_| {
            thread::sleep(Duration::from_millis(50));
            let answer = http().get(format!("http://127.0.0.1:{port}/readyz")).send();
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        assert!((0..200).any(ready), "the node does not become ready");
        node
    }

    /// Starts it, unless it runs.
    pub fn launch(&self) {
        let mut child = self.child.lock().unwrap();
        if let Some(running) = child.as_mut()
            && running.try_wait().unwrap().is_none()
        {
            return;
        }
        let mut command = self.command.lock().unwrap();
        command
            .stdout(Stdio::null())
            .stderr(self.log.try_clone().unwrap());
        *child = Some(command.spawn().unwrap());
    }

    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends SIGSTOP or SIGCONT.
    pub fn signal(&self, name: &str) {
        if let Some(child) = self.child.lock().unwrap().as_ref() {
            let sent = Command::new("kill")
                .args([name, &child.id().to_string()])
                .status();
            assert!(sent.unwrap().success(), "no signal could be sent");
        }
    }

    /// Sets the wall clock ahead of the real one.
    pub fn step_clock(&self, ahead: Duration) {
        std::fs::write(&self.clock, format!("+{}", ahead.as_secs())).unwrap();
    }

    pub fn token_url(&self) -> String {
        format!("http://127.0.0.1:{}/oauth2/token", self.port)
    }

    /// Writes a line for readers of the log.
    pub fn note(&self, text: &str) {
        let _ = writeln!(&self.log, "=== {text}");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
