//! A temporary PostgreSQL cluster on a free loopback port, deleted when dropped.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Outcome};
use crate::tools::Tools;

pub(crate) struct Cluster {
    tools: Tools,
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
}

/// The programs of the newest installed version.
pub(crate) fn bin_dir(tools: &Tools) -> Option<PathBuf> {
    let versions = std::fs::read_dir(tools.file("/usr/lib/postgresql")?).ok()?;
    let bins = versions.flatten().map(|entry| entry.path().join("bin"));
    bins.filter(|bin| bin.join("initdb").exists())
        .max_by_key(|bin| version(bin))
}

impl Cluster {
    pub(crate) fn start(tools: &Tools) -> Result<Self, String> {
        let bin = bin_dir(tools).ok_or("no initdb under /usr/lib/postgresql/*/bin")?;
        let cluster = Self {
            tools: tools.clone(),
            bin,
            dir: make_dir()?,
            port: free_port()?,
        };
        shell::announce(&format!(
            "starting PostgreSQL on 127.0.0.1:{} in {}",
            cluster.port,
            cluster.dir.display()
        ));
        cluster.initialise()?;
        cluster.launch()?;
        Ok(cluster)
    }

    pub(crate) fn bin(&self) -> &Path {
        &self.bin
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) fn create_database(&self, name: &str) -> Outcome {
        let port = self.port.to_string();
        let mut createdb = self.tools.command(self.bin.join("createdb"));
        shell::run(createdb.args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres", name]))
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn initialise(&self) -> Outcome {
        let mut initdb = self.server_program("initdb");
        initdb.args([
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ]);
        shell::output(initdb.arg(self.data())).map(drop)
    }

    fn launch(&self) -> Outcome {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off \
             -c synchronous_commit=off -c full_page_writes=off -c max_connections=300",
            self.port
        );
        let mut start = self.server_program("pg_ctl");
        start
            .arg("-D")
            .arg(self.data())
            .arg("-l")
            .arg(self.dir.join("log"));
        start.args(["-w", "-t", "60", "-o", &options, "start"]);
        start.stdout(std::process::Stdio::null());
        shell::run(&mut start)
    }

    /// PostgreSQL refuses to run as root.
    fn server_program(&self, name: &str) -> Command {
        let program = self.bin.join(name);
        let mut command = if shell::is_root() {
            let mut runuser = self.tools.command("runuser");
            runuser.args(["-u", "postgres", "--"]).arg(program);
            runuser
        } else {
            self.tools.command(program)
        };
        command.current_dir(&self.dir);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        shell::announce("stopping PostgreSQL");
        let mut stop = self.server_program("pg_ctl");
        shell::succeeds(
            stop.arg("-D")
                .arg(self.data())
                .args(["-m", "immediate", "-w", "stop"]),
        );
        if let Err(problem) = std::fs::remove_dir_all(&self.dir) {
            eprintln!("xtask: {} is left behind: {problem}", self.dir.display());
        }
    }
}

fn make_dir() -> Result<PathBuf, String> {
    let made = shell::output(Command::new("mktemp").args(["-d", "--tmpdir", "wmda-auth-postgres.XXXXXX"]))?;
    if shell::is_root() {
        shell::output(Command::new("chown").args(["postgres", &made]))?;
    }
    Ok(PathBuf::from(made))
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| format!("no free port: {e}"))?;
    listener
        .local_addr()
        .map(|address| address.port())
        .map_err(|e| format!("no free port: {e}"))
}

fn version(bin: &Path) -> u32 {
    let number = bin
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    number.and_then(|text| text.parse().ok()).unwrap_or_default()
}
