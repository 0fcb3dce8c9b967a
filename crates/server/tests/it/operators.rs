//! Every command of docs/operators.md and docs/runbook.md, and those in blocks of docs/wmda-team.md, pasted into bash
//! at a site of its own: a PostgreSQL with TLS and passwords, and the configuration from the guide.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use rcgen::{CertificateParams, CertifiedIssuer, DnType, KeyPair};
use tempfile::TempDir;

use crate::{
    database_tls::authority,
    node::files,
    support::{binary, cluster::Cluster, finished, succeeded, wait_until},
};

/// The programs that commands begin with, and SQL. Other inline code is no command.
const PROGRAMS: [&str; 9] = [
    "CREATE",
    "GRANT",
    "adduser",
    "cargo",
    "docker",
    "install",
    "openssl",
    "systemctl",
    "wmda-auth",
];

/// Commands that can't be pasted here: the reason, and what tests them instead.
const NOT_HERE: [(&str, &str); 12] = [
    (
        "adduser --system --group --no-create-home --home /var/lib/wmda-auth wmda-auth",
        "makes a user of the machine; `cargo xtask package` does, in a root, where packaging/debian/postinst has the same line",
    ),
    (
        "systemctl enable --now wmda-auth",
        "needs a systemd that runs; `cargo xtask package` enables it in a root and starts what the unit says",
    ),
    (
        "systemctl edit wmda-auth",
        "opens an editor; `cargo xtask test --only operations` has the unit analysed that it adds to",
    ),
    ("systemctl status wmda-auth", "needs a systemd that runs"),
    (
        "systemctl restart wmda-auth",
        "needs a systemd that runs; what it does is SIGTERM and `wmda-auth serve`, as in `start_and_stop`",
    ),
    (
        "systemctl reload wmda-auth",
        "needs a systemd that runs; what it does is SIGHUP, as in `certificates`",
    ),
    (
        "docker run --detach --name wmda-auth-postgres --publish 127.0.0.1:5432:5432 --env POSTGRES_USER=wmda_auth --env POSTGRES_PASSWORD=wmda_auth postgres:17",
        "needs Docker; the tests have a PostgreSQL without it",
    ),
    (
        "docker rm --force wmda-auth-postgres",
        "needs Docker, as the line before",
    ),
    (
        "docker compose up --build --wait",
        "needs Docker; `cargo xtask test --only operations` runs two nodes behind the same HAProxy configuration",
    ),
    (
        "WMDA_AUTH__DATABASE__URL=postgres://wmda_auth:wmda_auth@127.0.0.1:5432/wmda_auth cargo run --release -- demo",
        "builds for minutes; `support::Demo::postgres` starts the same demo by the same variable in half of these tests",
    ),
    ("cargo xtask sbom", "fetches and builds a tool for minutes"),
    (
        "cargo deb -p server --variant release",
        "builds a release for minutes; `cargo xtask package` makes the same package of the debug binary, but for the SBOM",
    ),
];

/// A command from a document, its precondition, and its expected output.
struct Step {
    before: fn(&mut Site),
    command: &'static str,
    says: &'static str,
}

fn step(command: &'static str, says: &'static str) -> Step {
    after(|_| {}, command, says)
}

fn after(before: fn(&mut Site), command: &'static str, says: &'static str) -> Step {
    Step {
        before,
        command,
        says,
    }
}

/// In the order of an operator's work: first start, first member, keys, pepper, backup, restore.
fn walk() -> Vec<Step> {
    [first_start(), first_member(), keys(), bad_days()]
        .into_iter()
        .flatten()
        .collect()
}

fn first_start() -> Vec<Step> {
    vec![
        step("wmda-auth --help", "Usage: wmda-auth"),
        after(
            |site| site.know("<command>", "keys revoke"),
            "wmda-auth <command> --help",
            "--now",
        ),
        step("CREATE ROLE wmda_auth LOGIN PASSWORD 'change-me'", ""),
        step("CREATE DATABASE wmda_auth OWNER wmda_auth", ""),
        step("install -d -o root -g wmda-auth -m 0750 /etc/wmda-auth", ""),
        step(
            "install -d -o wmda-auth -g wmda-auth -m 0700 /var/lib/wmda-auth",
            "",
        ),
        after(Site::configure, "wmda-auth pepper", "/var/lib/wmda-auth/pepper"),
        step("wmda-auth keys generate", "es256_"),
        step("wmda-auth migrate", ""),
        step("wmda-auth check", "pepper, database and mail are in order"),
        step("wmda-auth serve", "listening on"),
        after(
            |site| site.know("HOST:443", &format!("127.0.0.1:{}", site.port)),
            "openssl s_client -connect HOST:443 </dev/null | openssl x509 -noout -dates -subject",
            "notAfter",
        ),
        step("wmda-auth notify --send-test you@example.org", "you@example.org"),
        step("wmda-auth notify --resend-failed", "0 failed mails"),
        step("GRANT pg_monitor TO wmda_auth", ""),
    ]
}

fn first_member() -> Vec<Step> {
    vec![
        step(
            "wmda-auth admin create-user --email you@wmda.info --display-name 'Your Name' --role admin",
            "https://auth.example.org/",
        ),
        step(
            "wmda-auth admin create-resource --id f6d78a69-c840-46a2-941b-a0e08f9296e7 --name 'Search & Match' --environment sandbox --role Search.Read",
            "Search & Match",
        ),
        after(
            |site| site.learn("<resource id>", "id"),
            "wmda-auth admin create-organisation --name 'Example Registry' --country-code NL",
            "Example Registry",
        ),
        after(
            |site| site.learn("<organisation id>", "id"),
            "wmda-auth admin create-application --name Partner-NL-ExampleRegistry-SMC --organisation <organisation id>",
            "Partner-NL-ExampleRegistry-SMC",
        ),
        after(
            |site| site.learn("<client_id>", "client_id"),
            "wmda-auth admin grant <client_id> <resource id> --role Search.Read",
            "",
        ),
        step(
            "wmda-auth admin create-user --email manager@example.org --display-name 'A Manager' --organisation <organisation id> --role credential_manager",
            "https://auth.example.org/",
        ),
        after(
            |site| site.learn("<user id>", "id"),
            "wmda-auth admin assign-manager <client_id> <user id> --confirmed-by 'Who confirmed it'",
            "",
        ),
        step("wmda-auth admin enrol <user id>", "https://auth.example.org/"),
        step("wmda-auth admin list organisations", "Example Registry"),
        after(
            Site::refuse,
            "wmda-auth admin explain 4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
            "unknown_client",
        ),
        after(
            |site| site.know("ID", REFUSED),
            "wmda-auth admin explain ID",
            "unknown_client",
        ),
    ]
}

fn keys() -> Vec<Step> {
    vec![
        step("wmda-auth keys generate --algorithm EdDSA", "eddsa_"),
        step("wmda-auth keys list", "EdDSA  Active"),
        step("wmda-auth keys rotate", "es256_"),
        after(Site::wait_for_the_successor, "wmda-auth keys retire KID", ""),
        after(
            |site| site.know_key("Active"),
            "wmda-auth keys revoke KID --now",
            "",
        ),
        after(Site::set_passphrase, "wmda-auth keys encrypt", "es256_"),
        after(
            Site::name_a_key,
            "openssl pkey -in FILE -passin file:PASSPHRASE -noout",
            "",
        ),
        after(
            Site::change_passphrase,
            "wmda-auth keys encrypt --old-passphrase-file FILE",
            "es256_",
        ),
    ]
}

fn bad_days() -> Vec<Step> {
    vec![
        step("wmda-auth pepper add", "has version 2"),
        step("wmda-auth pepper activate", "version 2"),
        step("wmda-auth pepper migrate", "sealed under version 2"),
        step("wmda-auth pepper list", "version 1"),
        step(
            "install -d -o wmda-auth -g wmda-auth -m 0700 /var/backups/wmda-auth",
            "",
        ),
        step(
            "wmda-auth backup /var/backups/wmda-auth/",
            "1 applications, 0 credentials, 2 people",
        ),
        after(Site::name_the_backup, "wmda-auth backup verify FILE", "whole"),
        step("wmda-auth admin verify-audit", "whole"),
        after(
            |site| {
                site.sql("UPDATE audit_head SET sealed_sequence = NULL, seal_key_version = NULL, seal = NULL")
            },
            "wmda-auth admin seal-audit",
            "done",
        ),
        after(Site::lose_the_database, "wmda-auth restore FILE", "restored"),
    ]
}

#[test]
fn every_command_of_the_operators_guide_is_pasted() {
    let mut site = Site::new();
    for step in walk() {
        (step.before)(&mut site);
        let said = site.paste(step.command);
        assert!(said.contains(step.says), "{} said {said}", step.command);
        site.said = said;
    }
    // As the guide says after a restore: check, then start a node.
    site.paste("wmda-auth check");
    site.paste("wmda-auth serve");
    assert!(
        wait_until(PATIENCE, || site.readiness() == "200"),
        "{}",
        site.log()
    );
    assert!(site.log().contains("is older than the journal"), "{}", site.log());
    assert!(site.paste("wmda-auth admin verify-audit").contains("whole"));
    // And from another folder than the configuration's.
    for command in ["keys list", "pepper list", "check"] {
        site.paste(&format!(
            "cd / && wmda-auth {command} --config /etc/wmda-auth/wmda-auth.toml"
        ));
    }
}

#[test]
fn what_the_operators_guide_has_to_paste_is_pasted_or_said_to_be_tried_otherwise() {
    let [guide, runbook, team] = ["operators.md", "runbook.md", "wmda-team.md"].map(document);
    let blocks = |text: &str| -> Vec<String> { code(text).0 };
    let all = [
        blocks(&guide),
        inline(&guide),
        blocks(&runbook),
        inline(&runbook),
        blocks(&team),
    ];
    let documented: BTreeSet<String> = all.concat().into_iter().collect();
    let pasted = walk().into_iter().map(|step| step.command);
    let tried: BTreeSet<String> = pasted
        .chain(NOT_HERE.map(|(command, _)| command))
        .map(str::to_owned)
        .collect();
    let missing: Vec<_> = documented.difference(&tried).collect();
    assert!(missing.is_empty(), "neither pasted nor listed: {missing:#?}");
    let gone: Vec<_> = tried.difference(&documented).collect();
    assert!(gone.is_empty(), "in no document any more: {gone:#?}");
}

#[test]
fn the_operators_guide_names_every_command_and_writes_each_in_full() {
    let help = succeeded(binary().arg("--help"));
    let names: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 10, "{help}");
    let guide = document("operators.md");
    let (table, rest) = guide.split_once("\n## ").unwrap();
    for name in &names {
        let is_named =
            |line: &str| spans(line.split(" | ").next().unwrap()).any(|span| span.starts_with(name));
        assert!(table.lines().any(is_named), "{name} is in no row of the table");
    }
    let short: Vec<&str> = spans(rest)
        .filter(|span| !span.contains(" = "))
        .filter(|span| {
            span.split_once(' ')
                .is_some_and(|(first, _)| names.contains(&first))
        })
        .collect();
    assert!(short.is_empty(), "not as it is pasted: {short:?}");
}

fn document(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    fs::read_to_string(docs.join(name)).unwrap()
}

/// The commands in a document's blocks, and the text of its configuration blocks.
fn code(text: &str) -> (Vec<String>, String) {
    let (mut commands, mut configuration, mut is_configuration) = (Vec::new(), String::new(), false);
    for line in text.lines() {
        match line.strip_prefix("    ").map(str::trim) {
            Some(code) => {
                is_configuration |= code.starts_with('[');
                match is_configuration {
                    true => configuration += &format!("{code}\n"),
                    false => commands.push(code.trim_end_matches(';').to_owned()),
                }
            }
            None => is_configuration &= line.is_empty(),
        }
    }
    (commands, configuration)
}

/// Inline code of sentences and tables.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    let sentences = text.lines().filter(|line| !line.starts_with("    "));
    sentences.flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The commands among it; a name alone is none.
fn inline(text: &str) -> Vec<String> {
    let is_command = |span: &&str| {
        span.split_once(' ')
            .is_some_and(|(first, _)| PROGRAMS.contains(&first))
    };
    spans(text).filter(is_command).map(str::to_owned).collect()
}

/// The id of the request that [`Site::refuse`] sends.
const REFUSED: &str = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that acts as a machine's root, a database server, and one node.
struct Site {
    root: TempDir,
    database: Cluster,
    /// The server's port.
    port: u16,
    /// The values of an operator's placeholders.
    words: Vec<(&'static str, String)>,
    /// The output of the last command.
    said: String,
    server: Option<Child>,
}

impl Site {
    fn new() -> Self {
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
    fn paste(&mut self, command: &str) -> String {
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

    fn log(&self) -> String {
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

    fn readiness(&self) -> String {
        String::from_utf8(self.curl("/readyz").stdout).unwrap()
    }

    fn know(&mut self, word: &'static str, own: &str) {
        self.words.push((word, own.to_owned()));
    }

    /// Takes a placeholder's value from the field in the last output.
    fn learn(&mut self, word: &'static str, field: &str) {
        let mut lines = self.said.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find(|(name, _)| *name == field);
        let value = found.unwrap_or_else(|| panic!("no {field} in {}", self.said)).1;
        let value = value.trim().to_owned();
        self.know(word, &value);
    }

    fn sql(&mut self, statement: &str) {
        self.database.query_in("wmda_auth", statement);
    }

    /// The complete configuration: what the guide adds later is there from the start.
    fn configure(&mut self) {
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
    fn refuse(&mut self) {
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
    fn know_key(&mut self, state: &str) {
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
    fn wait_for_the_successor(&mut self) {
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

    fn set_passphrase(&mut self) {
        self.write("etc/wmda-auth/passphrase", "correct horse\n");
        let line = format!("[keys]\npassphrase_file = \"{}\"\n", self.passphrase());
        self.edit_configuration("[keys]\n", &line);
        self.stop();
        self.serve();
    }

    fn name_a_key(&mut self) {
        let key = self.key_files().remove(0).display().to_string();
        self.know("PASSPHRASE", &self.passphrase());
        self.know("FILE", &key);
    }

    fn change_passphrase(&mut self) {
        let old = format!("{}.old", self.passphrase());
        fs::rename(self.passphrase(), &old).unwrap();
        self.write("etc/wmda-auth/passphrase", "battery staple\n");
        self.know("FILE", &old);
    }

    fn name_the_backup(&mut self) {
        let backup = files(&self.file("var/backups/wmda-auth"), "jsonl").remove(0);
        self.know("FILE", &backup.display().to_string());
    }

    fn lose_the_database(&mut self) {
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
