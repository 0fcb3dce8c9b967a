//! A folder from which the server could start, and how a case breaks it.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::support::{binary, finished, succeeded};

/// In every broken file; no message may show it.
pub const SENTINEL: &str = "sentinel7Hk2Qw";

pub const SHORT_PEPPER: &str = "1 c2VudGluZWw3SGsyUXc=";

/// A folder from which the server could start, except that its port is taken: any other error was found before
/// binding.
pub struct Folder {
    pub dir: TempDir,
    pub port: TcpListener,
    /// Additional lines of the configuration, by section.
    pub lines: Vec<(&'static str, String)>,
    pub environment: Vec<(&'static str, String)>,
    /// The case brings its own configuration file.
    pub file_is_given: bool,
}

impl Folder {
    pub fn prepare() -> Self {
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

    /// Uses a free port, as the configured one is taken.
    pub fn passes_check(&self) {
        succeeded(
            self.command("check")
                .env("WMDA_AUTH__SERVER__BIND", "127.0.0.1:0"),
        );
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// One of the key files.
    pub fn key(&self) -> PathBuf {
        let mut files = fs::read_dir(self.path("keys")).unwrap();
        files.next().unwrap().unwrap().path()
    }

    /// A command in the folder with the current configuration; an empty name runs the bare binary.
    pub fn command(&self, name: &str) -> Command {
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

    pub fn configuration(&self) -> String {
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

    pub fn set(&mut self, section: &'static str, line: &str) {
        self.lines.push((section, line.to_owned()));
    }

    /// Runs it and expects a failure before binding; returns standard error.
    pub fn refusal(&self, command: &str, what: &str) -> String {
        let output = finished(&mut self.command(command));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{command}, {what}: it was accepted");
        assert!(output.stdout.is_empty(), "{command}, {what}");
        assert!(!text.contains("panicked"), "{command}, {what}: {text}");
        text
    }
}

pub struct Case {
    what: &'static str,
    /// Breaks the folder, and returns what the message must name.
    broken: fn(&mut Folder) -> String,
    /// The remedy that the message must give.
    advice: &'static str,
}

pub fn case(what: &'static str, broken: fn(&mut Folder) -> String, advice: &'static str) -> Case {
    Case { what, broken, advice }
}

pub fn check(cases: Vec<Case>) {
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

pub fn overwrite(path: &Path, text: &str) -> String {
    fs::write(path, text).unwrap();
    path.display().to_string()
}
