//! A PostgreSQL server for one test, which can be replicated, stopped and promoted.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{finished, succeeded};

/// A server in a folder, on a loopback port; ended when dropped.
pub struct Cluster {
    dir: PathBuf,
    pub port: u16,
}

impl Cluster {
    /// An empty primary, with additional settings.
    pub fn primary(settings: &str) -> Self {
        let cluster = Self::new();
        let mut initdb = cluster.program("initdb");
        initdb.args([
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ]);
        succeeded(initdb.arg(cluster.data()));
        cluster.configure(&format!(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\nmax_connections = 60\n\
             shared_buffers = 16MB\nwal_receiver_status_interval = 1\n{settings}\n"
        ));
        cluster.start();
        cluster
    }

    /// A standby of this server.
    pub fn standby(&self) -> Self {
        let copy = Self::new();
        let mut backup = copy.program("pg_basebackup");
        backup.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()]);
        succeeded(
            backup
                .args(["-c", "fast", "--no-sync", "-R", "-D"])
                .arg(copy.data()),
        );
        copy.start();
        copy
    }

    fn new() -> Self {
        let template = std::env::temp_dir().join("wmda-auth-cluster.XXXXXX");
        let dir = succeeded(Command::new("mktemp").arg("-d").arg(template));
        let dir = PathBuf::from(dir.trim());
        if is_root() {
            succeeded(Command::new("chown").arg("postgres").arg(&dir));
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        Self { dir, port }
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn configure(&self, lines: &str) {
        let file = self.data().join("postgresql.auto.conf");
        let before = fs::read_to_string(&file).unwrap_or_default();
        fs::write(file, before + lines).unwrap();
    }

    /// PostgreSQL refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let folder = std::env::var("WMDA_AUTH_TEST_POSTGRES_BIN").unwrap_or_default();
        let program = Path::new(&folder).join(name);
        let mut command = match is_root() {
            true => Command::new("runuser"),
            false => Command::new(&program),
        };
        if is_root() {
            command.args(["-u", "postgres", "--"]).arg(program);
        }
        command.current_dir(&self.dir).stdin(Stdio::null());
        command
    }

    fn control(&self, arguments: &[&str]) {
        let mut command = self.program("pg_ctl");
        command.arg("-D").arg(self.data()).arg("-w").args(arguments);
        // The server would keep a pipe open.
        let status = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "pg_ctl {arguments:?}");
    }

    pub fn start(&self) {
        let log = self.dir.join("log").display().to_string();
        self.control(&[
            "-t",
            "60",
            "-l",
            &log,
            "-o",
            &format!("-p {}", self.port),
            "start",
        ]);
    }

    pub fn stop(&self) {
        self.control(&["-m", "fast", "stop"]);
    }

    pub fn promote(&self) {
        self.control(&["promote"]);
    }

    /// Enables TLS with this certificate and key.
    pub fn encrypt(&self, certificate: &str, key: &str) {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.data().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        self.own();
        self.query("ALTER SYSTEM SET ssl = on");
        self.query("SELECT pg_reload_conf()");
    }

    /// Makes the server's user the owner of files that this process wrote.
    fn own(&self) {
        if is_root() {
            succeeded(Command::new("chown").args(["-R", "postgres"]).arg(self.data()));
        }
    }

    /// Makes a former primary a standby of another, from its next start on.
    pub fn follow(&self, primary: &Self) {
        self.configure(&format!(
            "primary_conninfo = 'host=127.0.0.1 port={} user=postgres'\nrecovery_target_timeline = 'latest'\n",
            primary.port
        ));
        fs::write(self.data().join("standby.signal"), "").unwrap();
        self.own();
    }

    /// Sends a signal to each of its processes.
    pub fn signal(&self, name: &str) {
        let postmaster = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        let postmaster = postmaster.lines().next().unwrap().to_owned();
        let children = finished(Command::new("pgrep").args(["-P", &postmaster]));
        let children = String::from_utf8(children.stdout).unwrap();
        let all = std::iter::once(postmaster.as_str()).chain(children.split_whitespace());
        for id in all {
            // A child process may have ended meanwhile.
            let _ = Command::new("kill").args([&format!("-{name}"), id]).status();
        }
    }

    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The first column of the first row.
    pub fn query(&self, statements: &str) -> String {
        self.query_in("postgres", statements)
    }

    /// The same, in another of its databases.
    pub fn query_in(&self, database: &str, statements: &str) -> String {
        let (mut psql, url) = (self.program("psql"), self.url_of(database));
        let answer = succeeded(psql.args(["-qtAX", "-v", "ON_ERROR_STOP=1", &url, "-c", statements]));
        answer.trim().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.signal("CONT");
        let mut stop = self.program("pg_ctl");
        stop.arg("-D").arg(self.data()).args(["-m", "immediate", "stop"]);
        // It may have been stopped already.
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn is_root() -> bool {
    succeeded(Command::new("id").arg("-u")).trim() == "0"
}
