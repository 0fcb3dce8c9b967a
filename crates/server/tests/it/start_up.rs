//! What the server refuses at start: before its port is bound, with a sentence that names the file or the key and what
//! to do, and never with what the file holds.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::support::{Answer, Demo, GRANT, binary, finished, postgres_database, succeeded};

/// Stands in every file that is broken; no message may show it.
const SENTINEL: &str = "sentinel7Hk2Qw";
const SHORT_PEPPER: &str = "1 c2VudGluZWw3SGsyUXc=";

/// A folder from which the server starts, but for its port, which is taken: whatever else is told was found before.
struct Folder {
    dir: TempDir,
    port: TcpListener,
    /// Further lines of the configuration, by section.
    lines: Vec<(&'static str, String)>,
    environment: Vec<(&'static str, String)>,
    /// The configuration file is the case's own.
    file_is_given: bool,
}

impl Folder {
    fn prepare() -> Self {
        let folder = Self {
            dir: TempDir::new().unwrap(),
            port: TcpListener::bind("127.0.0.1:0").unwrap(),
            lines: Vec::new(),
            environment: Vec::new(),
            file_is_given: false,
        };
        succeeded(&mut folder.command("pepper"));
        let keys = ["keys", "--config", "wmda-auth.toml", "generate"];
        succeeded(folder.command("").args(keys));
        succeeded(&mut folder.command("migrate"));
        folder.passes_check();
        folder
    }

    /// On a port that is free: the one of the configuration is taken.
    fn passes_check(&self) {
        succeeded(
            self.command("check")
                .env("WMDA_AUTH__SERVER__BIND", "127.0.0.1:0"),
        );
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Any of the key files.
    fn key(&self) -> PathBuf {
        let mut files = fs::read_dir(self.path("keys")).unwrap();
        files.next().unwrap().unwrap().path()
    }

    /// A command in the folder, by the configuration as it is now; an empty name is none yet.
    fn command(&self, name: &str) -> Command {
        let config = self.path("wmda-auth.toml");
        if !self.file_is_given {
            fs::write(&config, self.configuration()).unwrap();
        }
        let mut command = binary();
        command.current_dir(self.dir.path());
        command.envs(self.environment.iter().map(|(key, value)| (*key, value.as_str())));
        if !name.is_empty() {
            command.arg(name).arg("--config").arg(config);
        }
        command
    }

    fn configuration(&self) -> String {
        let address = self.port.local_addr().unwrap();
        let dir = self.dir.path().display();
        let mut sections = vec![
            ("server", format!("bind = \"{address}\"")),
            ("database", format!("url = \"sqlite:{dir}/wmda-auth.db\"")),
            ("keys", format!("dir = \"{dir}/keys\"")),
            ("secrets", format!("pepper_file = \"{dir}/pepper\"")),
        ];
        for (section, line) in &self.lines {
            let name = line.split(' ').next().unwrap();
            match sections.iter_mut().find(|(known, _)| known == section) {
                Some((_, body)) if body.starts_with(&format!("{name} =")) => line.clone_into(body),
                Some((_, body)) => *body = format!("{body}\n{line}"),
                None => sections.push((section, line.clone())),
            }
        }
        let sections = sections.iter().map(|(name, body)| format!("[{name}]\n{body}\n"));
        sections.collect()
    }

    fn set(&mut self, section: &'static str, line: &str) {
        self.lines.push((section, line.to_owned()));
    }

    /// Runs it; standard error, after a failure that never reached the port.
    fn refusal(&self, command: &str, what: &str) -> String {
        let output = finished(&mut self.command(command));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{command}, {what}: it was accepted");
        assert!(output.stdout.is_empty(), "{command}, {what}");
        assert!(!text.contains("panicked"), "{command}, {what}: {text}");
        text
    }
}

struct Case {
    what: &'static str,
    /// Breaks the folder, and says what the message must name.
    broken: fn(&mut Folder) -> String,
    /// What the message must advise.
    advice: &'static str,
}

fn case(what: &'static str, broken: fn(&mut Folder) -> String, advice: &'static str) -> Case {
    Case { what, broken, advice }
}

fn check(cases: Vec<Case>) {
    for case in cases {
        let mut folder = Folder::prepare();
        let named = (case.broken)(&mut folder);
        for command in ["serve", "check"] {
            let text = folder.refusal(command, case.what);
            for expected in [named.as_str(), case.advice] {
                assert!(text.contains(expected), "{command}, {}: {text}", case.what);
            }
            for hidden in [SENTINEL, SHORT_PEPPER, "PRIVATE KEY"] {
                assert!(!text.contains(hidden), "{command}, {}: {text}", case.what);
            }
        }
    }
}

fn overwrite(path: &Path, text: &str) -> String {
    fs::write(path, text).unwrap();
    path.display().to_string()
}

#[test]
fn y02_a_broken_key_file_is_refused() {
    check(vec![
        case(
            "contents",
            |folder| overwrite(&folder.key(), SENTINEL),
            "restore it",
        ),
        case(
            "the frame of a key only",
            |folder| {
                let text = format!("-----BEGIN PRIVATE KEY-----\n{SENTINEL}\n-----END PRIVATE KEY-----\n");
                overwrite(&folder.key(), &text)
            },
            "wmda-auth keys rotate",
        ),
        case("empty", |folder| overwrite(&folder.key(), ""), "restore it"),
        case(
            "the other algorithm's key",
            |folder| {
                let mut files: Vec<_> = fs::read_dir(folder.path("keys")).unwrap().flatten().collect();
                files.sort_by_key(fs::DirEntry::path);
                let text = fs::read_to_string(files[0].path()).unwrap();
                overwrite(&files[1].path(), &text)
            },
            "restore it",
        ),
        case(
            "readable by everybody",
            |folder| {
                fs::set_permissions(folder.key(), fs::Permissions::from_mode(0o644)).unwrap();
                folder.key().display().to_string()
            },
            "chmod 600",
        ),
        case(
            "no key",
            |folder| {
                fs::remove_file(folder.key()).unwrap();
                folder.path("keys").display().to_string()
            },
            "wmda-auth keys generate",
        ),
        case(
            "no folder",
            |folder| {
                fs::remove_dir_all(folder.path("keys")).unwrap();
                folder.path("keys").display().to_string()
            },
            "check that the path exists",
        ),
    ]);
}

#[test]
fn y02_a_broken_pepper_file_is_refused() {
    check(vec![
        case(
            "missing",
            |folder| {
                fs::remove_file(folder.path("pepper")).unwrap();
                folder.path("pepper").display().to_string()
            },
            "wmda-auth pepper",
        ),
        case(
            "short",
            |folder| overwrite(&folder.path("pepper"), SHORT_PEPPER),
            "restore the pepper file",
        ),
        case(
            "malformed",
            |folder| overwrite(&folder.path("pepper"), SENTINEL),
            "restore the pepper file",
        ),
        case(
            "empty",
            |folder| overwrite(&folder.path("pepper"), "\n"),
            "restore the pepper file",
        ),
        case(
            "a folder",
            |folder| {
                fs::remove_file(folder.path("pepper")).unwrap();
                fs::create_dir(folder.path("pepper")).unwrap();
                folder.path("pepper").display().to_string()
            },
            "restore the pepper file",
        ),
    ]);
}

#[test]
fn y02_a_pepper_of_another_database_is_refused_on_both_databases() {
    let postgres = postgres_database();
    for url in [None, Some(postgres)] {
        let mut folder = Folder::prepare();
        if let Some(url) = url {
            folder.set("database", &format!("url = \"{url}\""));
        }
        succeeded(&mut folder.command("migrate"));
        succeeded(
            folder
                .command("check")
                .env("WMDA_AUTH__SERVER__BIND", "127.0.0.1:0"),
        );
        fs::remove_file(folder.path("pepper")).unwrap();
        succeeded(&mut folder.command("pepper"));
        let other = fs::read_to_string(folder.path("pepper")).unwrap();
        let key = other.trim_end().split(' ').nth(1).unwrap();
        for command in ["serve", "check"] {
            let text = folder.refusal(command, "wrong pepper");
            let path = folder.path("pepper").display().to_string();
            for expected in [path.as_str(), "version 1", "restore the file", "database.url"] {
                assert!(text.contains(expected), "{command}: {text}");
            }
            assert!(!text.contains(key), "{command}: {text}");
        }
    }
}

#[test]
fn an_unknown_configuration_key_is_refused() {
    check(vec![
        case(
            "in the file",
            |folder| {
                folder.set("server", &format!("nope = \"{SENTINEL}\""));
                "server.nope".to_owned()
            },
            "public_url",
        ),
        case(
            "a section",
            |folder| {
                folder.set("nope", "x = 1");
                "nope".to_owned()
            },
            "server",
        ),
        case(
            "in the environment",
            |folder| {
                folder
                    .environment
                    .push(("WMDA_AUTH__TOKENS__NOPE", SENTINEL.to_owned()));
                "tokens.nope".to_owned()
            },
            "lifetime_seconds",
        ),
    ]);
}

/// Sets one line, and expects its section and key to be named.
macro_rules! bad {
    ($section:literal, $key:literal, $value:expr, $advice:literal) => {
        case(
            concat!($section, ".", $key, " = ", $value),
            |folder| {
                folder.set($section, concat!($key, " = ", $value));
                concat!($section, ".", $key).to_owned()
            },
            $advice,
        )
    };
}

#[test]
fn a_bad_value_is_refused() {
    check(vec![
        bad!(
            "server",
            "public_url",
            "\"http://auth.example.org\"",
            "must be https"
        ),
        bad!(
            "server",
            "public_url",
            "\"http://127.0.0.1.evil.example\"",
            "must be https"
        ),
        bad!("server", "public_url", "\"ftp://127.0.0.1\"", "must be https"),
        bad!(
            "server",
            "public_url",
            "\"auth.example.org\"",
            "https://auth.example.org"
        ),
        bad!(
            "server",
            "public_url",
            "\"https://auth.example.org/\"",
            "without a path"
        ),
        bad!(
            "server",
            "public_url",
            "\"https://auth..example.org\"",
            "domain name"
        ),
        bad!("server", "bind", "\"nonsense\"", "0.0.0.0:8443"),
        bad!("server", "bind", "\"0.0.0.0:99999\"", "0.0.0.0:8443"),
        bad!("server", "metrics_bind", "\"9090\"", "0.0.0.0:8443"),
        bad!("database", "pool_size", "0", "between 1 and 500"),
        bad!("database", "pool_size", "10000", "between 1 and 500"),
        bad!("entra", "tenant_id", "\"c3ab1869-1472\"", "must be a GUID"),
        bad!("server", "trusted_proxies", "[\"nobody\"]", "address or network"),
        bad!("server", "tls_cert", "\"cert.pem\"", "server.tls_key"),
        bad!("server", "workers", "0", "at least 1"),
        bad!("server", "workers", "\"sentinel7Hk2Qw\"", "an integer"),
        bad!(
            "database",
            "url",
            "\"mysql://sentinel7Hk2Qw@127.0.0.1/x\"",
            "sqlite:"
        ),
        bad!(
            "database",
            "url",
            "\"postgres://x:sentinel7Hk2Qw@127.0.0.1:1/x\"",
            "Is the server running"
        ),
        bad!(
            "database",
            "url",
            "\"sqlite:/nowhere/at/all.db\"",
            "wmda-auth migrate"
        ),
        bad!("database", "pool_size", "\"many\"", "an integer"),
        bad!("tokens", "lifetime_seconds", "59", "between 60 and 86400"),
        bad!("tokens", "lifetime_seconds", "86401", "between 60 and 86400"),
        bad!("tokens", "lifetime_seconds", "\"long\"", "an integer"),
        bad!("tokens", "signing_algorithm", "\"HS256\"", "ES256"),
        bad!("cache", "lease_ms", "100", "cache.poll_ms"),
        bad!("cache", "poll_ms", "0", "at least 10"),
        bad!("cache", "poll_ms", "300", "half of cache.lease_ms"),
        bad!("cache", "lease_ms", "60000", "between 100 and 5000"),
        bad!("log", "format", "\"xml\"", "json"),
    ]);
}

#[test]
fn a_configuration_file_that_cannot_be_read_is_named() {
    check(vec![
        case(
            "bad TOML",
            |folder| {
                let path = folder.path("wmda-auth.toml");
                folder.file_is_given = true;
                overwrite(&path, &format!("[database]\nurl = \"{SENTINEL}\nx = 1\n"))
            },
            "line 2",
        ),
        case(
            "missing",
            |folder| {
                let path = folder.path("wmda-auth.toml");
                folder.file_is_given = true;
                fs::remove_file(&path).unwrap();
                path.display().to_string()
            },
            "not found",
        ),
    ]);
}

#[test]
fn broken_tls_files_are_refused() {
    let with = |certificate: &str, key: &str| {
        let mut folder = Folder::prepare();
        for (name, text) in [("cert.pem", certificate), ("key.pem", key)] {
            fs::write(folder.path(name), text).unwrap();
        }
        let dir = folder.dir.path().display().to_string();
        folder.set("server", &format!("tls_cert = \"{dir}/cert.pem\""));
        folder.set("server", &format!("tls_key = \"{dir}/key.pem\""));
        folder
    };
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let cases = [
        (SENTINEL, key.as_str(), "cert.pem"),
        ("", key.as_str(), "cert.pem"),
        (certificate.as_str(), SENTINEL, "key.pem"),
        (certificate.as_str(), other.as_str(), "cert.pem"),
    ];
    for (certificate, key, named) in cases {
        let folder = with(certificate, key);
        for command in ["serve", "check"] {
            let text = folder.refusal(command, named);
            let path = folder.path(named).display().to_string();
            assert!(text.contains(&path) && text.contains("server.tls_"), "{text}");
            for hidden in [SENTINEL, key] {
                assert!(hidden.is_empty() || !text.contains(hidden), "{text}");
            }
        }
    }
    let text = with(&certificate, &key).refusal("serve", "a pair that is right");
    assert!(text.contains("server.bind"), "{text}");
}

/// The counter-proof of every other test here: with nothing else broken, it is the taken port that is told.
#[test]
fn a_port_that_is_taken_is_named() {
    let folder = Folder::prepare();
    let port = folder.port.local_addr().unwrap().port().to_string();
    for command in ["serve", "check"] {
        let text = folder.refusal(command, "taken port");
        for expected in ["server.bind", port.as_str(), "in use", "choose another port"] {
            assert!(text.contains(expected), "{command}: {text}");
        }
    }
}

#[test]
fn a_schema_that_lags_behind_is_refused_with_the_remedy() {
    let mut folder = Folder::prepare();
    fs::remove_file(folder.path("wmda-auth.db")).unwrap();
    folder.set("database", "migrate = false");
    for command in ["serve", "check"] {
        let text = folder.refusal(command, "no schema");
        assert!(text.contains("wmda-auth migrate"), "{text}");
    }
}

#[test]
fn an_empty_address_of_the_database_is_not_taken_for_the_default_one() {
    for command in ["serve", "check", "migrate"] {
        let mut folder = Folder::prepare();
        folder
            .environment
            .push(("WMDA_AUTH__DATABASE__URL", " ".to_owned()));
        let text = folder.refusal(command, "an empty variable");
        assert!(text.contains("database.url is empty"), "{text}");
    }
}

#[test]
fn a_database_that_is_not_there_or_empty_is_made_by_migrate_alone() {
    let mut folder = Folder::prepare();
    fs::remove_file(folder.path("wmda-auth.db")).unwrap();
    for command in ["serve", "check"] {
        let text = folder.refusal(command, "no file");
        let path = folder.path("wmda-auth.db").display().to_string();
        assert!(
            text.contains(&path) && text.contains("wmda-auth migrate"),
            "{text}"
        );
        assert!(!folder.path("wmda-auth.db").exists(), "{command}");
    }
    let url = postgres_database();
    folder.set("database", &format!("url = \"{url}\""));
    let text = folder.refusal("serve", "an empty database");
    assert!(
        text.contains("empty") && text.contains("wmda-auth migrate"),
        "{text}"
    );
    succeeded(&mut folder.command("migrate"));
    folder.passes_check();
}

/// The owner of the tables migrates; the server's own role needs no more than rows.
#[test]
fn without_migrations_a_role_suffices_that_reads_and_writes_rows() {
    let url = postgres_database();
    let mut folder = Folder::prepare();
    folder.set("database", &format!("url = \"{url}\""));
    succeeded(&mut folder.command("migrate"));
    let (server, name) = url.rsplit_once('/').unwrap();
    let role = format!("rows_{name}");
    psql(
        &url,
        &format!(
            "CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}; \
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
        ),
    );
    let address = server.rsplit_once('@').unwrap().1;
    folder.set(
        "database",
        &format!("url = \"postgres://{role}@{address}/{name}\""),
    );
    folder.set("database", "migrate = false");
    folder.passes_check();
    let text = folder.refusal("serve", "taken port");
    psql(&url, &format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    assert!(
        text.contains("server.bind"),
        "it comes as far as its port: {text}"
    );
    let told = text.contains(&format!("{role}@{address}/{name}"));
    assert!(told, "the log names the database: {text}");
}

pub fn psql(url: &str, statements: &str) {
    let folder = std::env::var("WMDA_AUTH_TEST_POSTGRES_BIN").unwrap_or_default();
    succeeded(Command::new(Path::new(&folder).join("psql")).args([url, "-qc", statements]));
}

#[test]
fn the_version_names_product_number_and_commit() {
    let line = succeeded(binary().arg("--version"));
    let commit = line
        .trim()
        .strip_prefix(concat!("wmda-auth ", env!("CARGO_PKG_VERSION"), " (commit "))
        .and_then(|rest| rest.strip_suffix(")"))
        .unwrap_or_else(|| panic!("{line}"));
    let is_commit = commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_commit || commit == "unknown", "{line}");
}

/// A tab in the issuer, a line end in the database's address: whoever writes configuration makes such mistakes unseen.
#[test]
fn white_space_around_a_value_is_dropped_for_every_key_alike() {
    let dir = TempDir::new().unwrap();
    let database = format!("sqlite:{}\n", dir.path().join("spaced.db").display());
    let demo = Demo::start_with(
        Some(&database),
        &[
            ("WMDA_AUTH__SERVER__PUBLIC_URL", "\thttp://127.0.0.1:9\t"),
            ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", " 127.0.0.1 ,\t10.0.0.0/8\n"),
            ("WMDA_AUTH__ENTRA__TENANT_ID", "\u{a0}tenant-7.example "),
            ("WMDA_AUTH__ENTRA__TENANT_ALIASES", " a.example ,b.example\n"),
            ("WMDA_AUTH__TOKENS__LIFETIME_SECONDS", " 120 "),
            ("WMDA_AUTH__TOKENS__SIGNING_ALGORITHM", " RS256\n"),
            ("WMDA_AUTH__MAIL__SMTP_URL", " \t"),
        ],
    );
    assert_eq!(
        (demo.base.as_str(), demo.tenant.as_str()),
        ("http://127.0.0.1:9", "tenant-7.example")
    );
    assert!(dir.path().join("spaced.db").exists(), "and no other file");
    assert_eq!(
        fs::read_dir(dir.path())
            .unwrap()
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                !name.to_string_lossy().starts_with("spaced.db")
            })
            .count(),
        0
    );
}

#[test]
fn white_space_within_an_address_or_a_tenant_is_refused() {
    for (name, value, key) in [
        (
            "WMDA_AUTH__SERVER__PUBLIC_URL",
            "https://auth.example\t.org",
            "server.public_url",
        ),
        ("WMDA_AUTH__ENTRA__TENANT_ID", "a b", "entra.tenant_id"),
        (
            "WMDA_AUTH__ENTRA__TENANT_ALIASES",
            "a.example,b/c",
            "entra.tenant_aliases",
        ),
    ] {
        let output = finished(binary().arg("check").env(name, value));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(key), "{text}");
    }
}

/// SQLite: who closes the database last removes the log. Whoever is not the last must notice that.
#[test]
fn a_command_beside_a_running_server_leaves_it_its_log() {
    let demo = Demo::sqlite();
    let wrong = format!("{GRANT}&client_id={}&client_secret=wrong", demo.upload.id);
    std::thread::scope(|scope| {
        // The pool makes further connections.
        for _ in 0..16 {
            scope.spawn(|| assert_eq!(Answer::of(demo.token(&*wrong)).status, 401));
        }
    });
    let mut list = binary();
    list.args(["admin", "list", "organisations", "--data-dir"]);
    succeeded(list.arg(demo.data_dir()));
    assert!(demo.data_dir().join("wmda-auth.db-wal").exists());
}
