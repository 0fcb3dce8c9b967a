//! A site of its own: a PostgreSQL with TLS and passwords, and a node by the configuration from the guide.

use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use rcgen::{CertificateParams, CertifiedIssuer, DnType, KeyPair};
use tempfile::TempDir;

use super::documents::{code, document};
use crate::{
    database_tls::authority,
    node::files,
    support::{cluster::Cluster, finished, succeeded, wait_until},
};

/// The id of the request that [`Site::refuse`] sends.
pub(super) const REFUSED: &str = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that acts as a machine's root, a database server, and one node.
pub(super) struct Site {
    root: TempDir,
    database: Cluster,
    /// The server's port.
    pub(super) port: u16,
    /// The values of an operator's placeholders.
    words: Vec<(&'static str, String)>,
    /// The output of the last command.
    pub(super) said: String,
    server: Option<Child>,
}

impl Site {
    pub(super) fn new() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let site = Self {
            root: TempDir::new().unwrap(),
            database: Cluster::primary(""),
            port: free.local_addr().unwrap().port(),
            words: Vec::new(),
            said: String::new(),
            server: None,
        };
        for folder in ["etc/wmda-auth", "srv/wmda-auth-journal", "srv/wmda-auth-anchors"] {
            fs::create_dir_all(site.file(folder)).unwrap();
        }
        site.issue_certificates(&authority());
        site.database
            .query("COPY (VALUES ('host all postgres 127.0.0.1/32 trust'), ('hostssl all wmda_auth 127.0.0.1/32 scram-sha-256')) TO PROGRAM 'cat > pg_hba.conf'");
        site.database.query("SELECT pg_reload_conf()");
        site
    }

    fn issue_certificates(&self, authority: &CertifiedIssuer<'static, KeyPair>) {
        let issue = |host: &str| {
            let key = KeyPair::generate().unwrap();
            let mut parameters = CertificateParams::new([host.to_owned()]).unwrap();
            // OpenSSL takes a certificate whose subject equals its issuer for self-signed.
            parameters.distinguished_name.push(DnType::CommonName, host);
            let certificate = parameters.signed_by(&key, authority).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        let (certificate, key) = issue("db.example.org");
        self.database.encrypt(&certificate, &key);
        let (certificate, key) = issue("auth.example.org");
        self.write("etc/wmda-auth/tls.crt", &certificate);
        self.write("etc/wmda-auth/tls.key", &key);
        self.write("ca.pem", &authority.pem());
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
        fs::set_permissions(self.file(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// A document's text adapted to this site.
    fn here(&self, text: &str) -> String {
        let tls = format!(
            "sslmode=verify-full&sslrootcert={}&hostaddr=127.0.0.1",
            self.file("ca.pem").display()
        );
        let mut text = text
            // The server's user is the one that runs the tests.
            .replace("-o wmda-auth -g wmda-auth ", "")
            .replace("-o root -g wmda-auth ", "")
            .replace("0.0.0.0:8443", &format!("0.0.0.0:{}", self.port))
            .replace(
                "@db.example.org/",
                &format!("@db.example.org:{}/", self.database.port),
            )
            .replace("sslmode=verify-full", &tls);
        for folder in ["/etc/wmda-auth", "/var/lib/", "/var/backups/", "/srv/"] {
            text = text.replace(folder, &format!("{}{folder}", self.root.path().display()));
        }
        for (word, own) in &self.words {
            text = text.replace(word, own);
        }
        text
    }

    /// Runs a command; returns standard output, or the log of the server.
    pub(super) fn paste(&mut self, command: &str) -> String {
        let is_sql = command.starts_with(|first: char| first.is_ascii_uppercase());
        let said = match command {
            "wmda-auth serve" => self.serve(),
            sql if is_sql => self.database.query(sql),
            shell => {
                let output = self.run(shell);
                let error = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{command}: {error}");
                String::from_utf8(output.stdout).unwrap()
            }
        };
        // Placeholders in angle brackets differ each time.
        self.words.retain(|(word, _)| word.starts_with('<'));
        said
    }

    fn bash(&self, line: &str) -> Command {
        let programs = Path::new(env!("CARGO_BIN_EXE_wmda-auth")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut bash = Command::new("bash");
        bash.args(["-c", &self.here(line)])
            .current_dir(self.file("etc/wmda-auth"))
            .env("PATH", format!("{}:{path}", programs.display()))
            .env_remove("WMDA_AUTH_COMMIT")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        bash
    }

    fn run(&self, line: &str) -> Output {
        finished(&mut self.bash(line))
    }

    fn serve(&mut self) -> String {
        let log = File::create(self.file("log")).unwrap();
        let server = self
            .bash("exec wmda-auth serve")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(server);
        let listens = wait_until(PATIENCE, || self.log().contains("listening on"));
        assert!(listens, "{}", self.log());
        self.log()
    }

    /// A graceful stop, after which others no longer wait for the node.
    fn stop(&mut self) {
        let mut server = self.server.take().unwrap();
        succeeded(Command::new("kill").args(["-TERM", &server.id().to_string()]));
        let ended = wait_until(PATIENCE, || server.try_wait().unwrap().is_some());
        // Leaves no node behind, whatever happens.
        let _ = server.kill();
        assert!(ended, "{}", self.log());
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    /// `curl` as a remote client.
    fn curl(&self, rest: &str) -> Output {
        let (port, ca) = (self.port, self.file("ca.pem"));
        let origin = format!("https://auth.example.org:{port}");
        let resolved = format!(
            "--resolve auth.example.org:{port}:127.0.0.1 --cacert {}",
            ca.display()
        );
        self.run(&format!(
            "curl --silent --output /dev/null --write-out '%{{http_code}}' {resolved} {origin}{rest}"
        ))
    }

    pub(super) fn readiness(&self) -> String {
        String::from_utf8(self.curl("/readyz").stdout).unwrap()
    }

    pub(super) fn know(&mut self, word: &'static str, own: &str) {
        self.words.push((word, own.to_owned()));
    }

    /// Takes a placeholder's value from the field in the last output.
    pub(super) fn learn(&mut self, word: &'static str, field: &str) {
        let mut lines = self.said.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find(|(name, _)| *name == field);
        let value = found.unwrap_or_else(|| panic!("no {field} in {}", self.said)).1;
        let value = value.trim().to_owned();
        self.know(word, &value);
    }

    pub(super) fn sql(&mut self, statement: &str) {
        self.database.query_in("wmda_auth", statement);
    }

    /// The complete configuration: what the guide adds later is there from the start.
    pub(super) fn configure(&mut self) {
        let (_, configuration) = code(&document("operators.md"));
        self.write("etc/wmda-auth/wmda-auth.toml", &self.here(&configuration));
        self.write("etc/wmda-auth/database-password", "change-me\n");
    }

    fn edit_configuration(&self, old: &str, new: &str) {
        let name = "etc/wmda-auth/wmda-auth.toml";
        let text = fs::read_to_string(self.file(name)).unwrap();
        assert!(text.contains(old), "{text}");
        self.write(name, &text.replace(old, new));
    }

    /// Sends a request with an id of its own, which is refused and recorded.
    pub(super) fn refuse(&mut self) {
        let refused = self.curl(&format!(
            "/oauth2/token -H 'X-Request-Id: {REFUSED}' -d grant_type=client_credentials -d client_id=nobody -d client_secret=nothing"
        ));
        assert_eq!(String::from_utf8_lossy(&refused.stdout), "401");
        let explained = || {
            self.run(&format!("wmda-auth admin explain {REFUSED}"))
                .status
                .success()
        };
        assert!(wait_until(PATIENCE, explained), "{}", self.log());
    }

    /// Takes the id of the ES256 key in this state.
    pub(super) fn know_key(&mut self, state: &str) {
        let listed = String::from_utf8(self.run("wmda-auth keys list").stdout).unwrap();
        let line = listed
            .lines()
            .find(|line| line.contains(&format!("  ES256  {state}  ")));
        let line = line.unwrap_or_else(|| panic!("no {state} key in {listed}"));
        let kid = line.split(' ').next().unwrap().to_owned();
        self.know("KID", &kid);
    }

    fn key_files(&self) -> Vec<PathBuf> {
        files(&self.file("var/lib/wmda-auth/keys"), "pem")
    }

    /// Skips a quarter of an hour: activates the published key now.
    pub(super) fn wait_for_the_successor(&mut self) {
        let es256 = |path: &&PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("es256_");
        let all = self.key_files();
        let published = all.iter().rfind(es256).unwrap();
        let now = chrono::Utc::now().format("es256_%Y%m%dT%H%M%SZ.pem").to_string();
        fs::rename(published, published.with_file_name(now)).unwrap();
        self.know_key("Retiring");
    }

    fn passphrase(&self) -> String {
        self.file("etc/wmda-auth/passphrase").display().to_string()
    }

    pub(super) fn set_passphrase(&mut self) {
        self.write("etc/wmda-auth/passphrase", "correct horse\n");
        let line = format!("[keys]\npassphrase_file = \"{}\"\n", self.passphrase());
        self.edit_configuration("[keys]\n", &line);
        self.stop();
        self.serve();
    }

    pub(super) fn name_a_key(&mut self) {
        let key = self.key_files().remove(0).display().to_string();
        self.know("PASSPHRASE", &self.passphrase());
        self.know("FILE", &key);
    }

    pub(super) fn change_passphrase(&mut self) {
        let old = format!("{}.old", self.passphrase());
        fs::rename(self.passphrase(), &old).unwrap();
        self.write("etc/wmda-auth/passphrase", "battery staple\n");
        self.know("FILE", &old);
    }

    pub(super) fn name_the_backup(&mut self) {
        let backup = files(&self.file("var/backups/wmda-auth"), "jsonl").remove(0);
        self.know("FILE", &backup.display().to_string());
    }

    pub(super) fn lose_the_database(&mut self) {
        self.stop();
        self.database.query("CREATE DATABASE restored OWNER wmda_auth");
        self.edit_configuration("/wmda_auth?", "/restored?");
        self.name_the_backup();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // It may have ended already.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
