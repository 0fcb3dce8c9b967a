//! Another node, `wmda-auth serve`, on the data folder of a demo.

use std::{
    fs::{self, File},
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use tempfile::TempDir;

use super::{Answer, Demo, binary, http, wait_until};

const PATIENCE: Duration = Duration::from_secs(30);

/// A node; killed on drop.
pub struct Serving {
    dir: TempDir,
    child: Child,
}

impl Serving {
    /// Starts it on any free port, with these additional variables, without waiting.
    pub fn launch(demo: &Demo, variables: &[(&str, &str)]) -> Self {
        let (data, dir) = (demo.data_dir(), TempDir::new().unwrap());
        let mut command = binary();
        let child = command
            .arg("serve")
            .current_dir(dir.path())
            .env("WMDA_AUTH__SERVER__BIND", "127.0.0.1:0")
            .env("WMDA_AUTH__SERVER__PUBLIC_URL", &demo.base)
            .env("WMDA_AUTH__SERVER__DRAIN_SECONDS", "0")
            .env("WMDA_AUTH__DATABASE__URL", demo.database_url())
            .env("WMDA_AUTH__DATABASE__POOL_SIZE", "3")
            .env("WMDA_AUTH__KEYS__DIR", data.join("keys"))
            .env("WMDA_AUTH__SECRETS__PEPPER_FILE", data.join("pepper"))
            .env("WMDA_AUTH__MAIL__DIRECTORY", data.join("mail"))
            .envs(variables.iter().copied())
            .stderr(File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { dir, child }
    }

    /// The same, waiting until it is ready.
    pub fn start(demo: &Demo, variables: &[(&str, &str)]) -> Self {
        let node = Self::launch(demo, variables);
        node.is_ready();
        node
    }

    /// Waits until it logs that it listens.
    pub fn is_ready(&self) {
        let listens = wait_until(PATIENCE, || self.address().is_some());
        assert!(listens, "it does not listen: {}", self.log());
    }

    /// Its address, from the log.
    pub fn address(&self) -> Option<String> {
        let log = self.log();
        let told = log.lines().find_map(|line| line.split_once("listening on "));
        told.map(|(_, rest)| rest.split(' ').next().unwrap().to_owned())
    }

    pub fn get(&self, path: &str) -> Answer {
        Answer::of(http().get(self.url(path)))
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address().unwrap())
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end, half a minute at most.
    pub fn ended(&mut self) -> ExitStatus {
        let ended = wait_until(PATIENCE, || self.child.try_wait().unwrap().is_some());
        assert!(ended, "it does not end: {}", self.log());
        self.child.wait().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
