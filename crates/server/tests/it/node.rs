//! Further nodes: `wmda-auth serve` beside a demo, and an operator's commands.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::support::{Answer, Demo, FORM, binary, http, wait_until};

const START: Duration = Duration::from_secs(30);

/// A command on a demo's data; `variables` override everything else.
pub fn operator(demo: &Demo, variables: &[(&str, &str)]) -> Command {
    let data = demo.data_dir();
    let mut command = binary();
    command
        .current_dir(&data)
        .env("WMDA_AUTH__SERVER__PUBLIC_URL", &demo.base)
        .env("WMDA_AUTH__DATABASE__URL", demo.database_url())
        .env("WMDA_AUTH__DATABASE__POOL_SIZE", "3")
        .env("WMDA_AUTH__KEYS__DIR", data.join("keys"))
        .env("WMDA_AUTH__SECRETS__PEPPER_FILE", data.join("pepper"))
        .env("WMDA_AUTH__MAIL__DIRECTORY", data.join("mail"))
        .envs(variables.iter().copied());
    command
}

/// One node; killed on drop.
pub struct Node {
    pub base: String,
    dir: TempDir,
    child: Child,
}

impl Node {
    /// Starts a node and waits until it is ready.
    pub fn beside(demo: &Demo, variables: &[(&str, &str)]) -> Self {
        let mut node = Self::spawn(demo, variables);
        let ready = wait_until(START, || {
            node.child.try_wait().unwrap().is_some() || node.is_ready()
        });
        assert!(ready && node.is_ready(), "{}", node.log());
        node
    }

    /// Starts a node without waiting.
    pub fn spawn(demo: &Demo, variables: &[(&str, &str)]) -> Self {
        let dir = TempDir::new().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let child = operator(demo, variables)
            .arg("serve")
            .env("WMDA_AUTH__SERVER__BIND", address.to_string())
            .stdout(Stdio::null())
            .stderr(File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self {
            base: format!("http://{address}"),
            dir,
            child,
        }
    }

    fn is_ready(&self) -> bool {
        let answer = http().get(format!("{}/readyz", self.base)).send();
        answer.is_ok_and(|answer| answer.status().as_u16() == 200)
    }

    /// A copy of the folder.
    pub fn copy_of(folder: &Path) -> TempDir {
        let copy = TempDir::new().unwrap();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
        copy
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    pub fn get(&self, path: &str) -> Answer {
        Answer::of(http().get(format!("{}{path}", self.base)))
    }

    pub fn token(&self, body: impl Into<String>) -> Answer {
        let request = http().post(format!("{}/oauth2/token", self.base));
        Answer::of(request.header("content-type", FORM).body(body.into()))
    }

    /// Kills it like `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The files in a folder with this extension.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|own| own == extension))
        .collect();
    files.sort();
    files
}
