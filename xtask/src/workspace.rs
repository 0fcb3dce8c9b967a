//! State shared by the steps: the repository, the tools, the built programs, and a PostgreSQL that is started on
//! first use.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::postgres::Cluster;
use crate::shell;
use crate::tools::Tools;

pub(crate) struct Workspace {
    tools: Tools,
    programs: OnceCell<PathBuf>,
    cluster: OnceCell<Cluster>,
}

impl Workspace {
    pub(crate) fn new() -> Result<Self, String> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().ok_or("xtask lies outside a repository")?;
        Ok(Self {
            tools: Tools::of(root),
            programs: OnceCell::new(),
            cluster: OnceCell::new(),
        })
    }

    pub(crate) fn root(&self) -> &Path {
        self.tools.root()
    }

    pub(crate) fn tools(&self) -> &Tools {
        &self.tools
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        self.tools.cargo(arguments)
    }

    pub(crate) fn target_dir(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => self.root().join(dir),
            None => self.root().join("target"),
        }
    }

    /// The folder of the debug binaries, built once.
    pub(crate) fn programs(&self) -> Result<&Path, String> {
        once(&self.programs, || {
            // With the examples, so that the tests' build is reused.
            let build = ["build", "--locked", "--workspace", "--bins", "--examples"];
            shell::run(&mut self.cargo(&build))?;
            Ok(self.target_dir().join("debug"))
        })
        .map(PathBuf::as_path)
    }

    pub(crate) fn server(&self) -> Result<PathBuf, String> {
        self.programs().map(|programs| programs.join("wmda-auth"))
    }

    pub(crate) fn cluster(&self) -> Result<&Cluster, String> {
        once(&self.cluster, || Cluster::start(&self.tools))
    }

    /// `cargo test`, with the databases for the tests.
    pub(crate) fn cargo_test(&self, arguments: &[&str]) -> Result<Command, String> {
        let cluster = self.cluster()?;
        let mut tests = self.cargo(&["test", "--locked"]);
        tests
            .args(arguments)
            .env("WMDA_AUTH_TEST_POSTGRES_URL", cluster.url("postgres"))
            .env("WMDA_AUTH_TEST_POSTGRES_BIN", cluster.bin());
        Ok(tests)
    }
}

/// `OnceCell::get_or_try_init`, which is not stable yet.
fn once<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T, String>) -> Result<&T, String> {
    if cell.get().is_none() {
        let made = make()?;
        return Ok(cell.get_or_init(|| made));
    }
    cell.get().ok_or_else(|| "nothing was made".to_owned())
}
