//! The suites in Python and Node, against a demo on SQLite and one on PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::demo::Demo;
use crate::postgres::Cluster;
use crate::shell::{self, Outcome};

/// Comes last: it does whatever the API lets an admin do.
const CHANGES_EVERYTHING: &str = "test_management_api.py";
/// What no proxy may stand before.
pub(crate) const LOOPBACK: &str = "127.0.0.1,localhost";

pub(crate) fn run(root: &Path, cluster: &Cluster) -> Outcome {
    let suites = Suites {
        python: prepare_python(root)?,
        node: prepare_node(root, "clients/node", "node")?,
        root,
    };
    let openid = prepare_node(root, "openid", "openid")?;
    let server = shell::target_dir(root).join("debug/wmda-auth");
    shell::announce("client suites against a demo on SQLite");
    suites.run(&Demo::start(&server, None)?)?;
    cluster.create_database("wmda_auth_clients")?;
    shell::announce("client suites against a demo on PostgreSQL");
    suites.run(&Demo::start(&server, Some(&cluster.url("wmda_auth_clients")))?)?;
    cluster.create_database("wmda_auth_openid")?;
    shell::announce("sign-in through an OpenID provider, on SQLite and on PostgreSQL");
    sign_in_through_openid(&openid, &server, None)?;
    sign_in_through_openid(&openid, &server, Some(&cluster.url("wmda_auth_openid")))
}

/// The suite starts the provider and the server by itself.
fn sign_in_through_openid(suite: &Path, server: &Path, database: Option<&str>) -> Outcome {
    let mut node = Command::new("node");
    node.arg("--test").current_dir(suite);
    node.env("NO_PROXY", LOOPBACK).env("no_proxy", LOOPBACK);
    match database {
        Some(url) => node.env("WMDA_AUTH__DATABASE__URL", url),
        None => node.env_remove("WMDA_AUTH__DATABASE__URL"),
    };
    shell::run(node.env("WMDA_AUTH_BINARY", server))
}

struct Suites<'a> {
    root: &'a Path,
    python: PathBuf,
    node: PathBuf,
}

impl Suites<'_> {
    fn run(&self, demo: &Demo) -> Outcome {
        self.pytest(demo, &[&format!("--ignore={CHANGES_EVERYTHING}"), "."])?;
        self.node_tests(demo)?;
        self.pytest(demo, &[CHANGES_EVERYTHING])
    }

    fn pytest(&self, demo: &Demo, which: &[&str]) -> Outcome {
        let mut pytest = Command::new(&self.python);
        pytest
            .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
            .args(which);
        pytest.current_dir(self.root.join("tests/clients/python"));
        pytest
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env(
                "WMDA_AUTH_SERVER",
                shell::target_dir(self.root).join("debug/wmda-auth"),
            )
            .env("REQUESTS_CA_BUNDLE", demo.text("ca_file")?);
        shell::run(pytest.env("WMDA_AUTH_DEMO", demo.json()))
    }

    fn node_tests(&self, demo: &Demo) -> Outcome {
        let mut node = Command::new("node");
        node.arg("--test").current_dir(&self.node);
        node.env("NO_PROXY", LOOPBACK).env("no_proxy", LOOPBACK);
        node.env("NODE_EXTRA_CA_CERTS", demo.text("ca_file")?);
        shell::run(node.env("WMDA_AUTH_DEMO", demo.json()))
    }
}

/// The suite's virtual environment; answers its interpreter.
fn prepare_python(root: &Path) -> Result<PathBuf, String> {
    let venv = root.join("target/test-tools/python");
    shell::announce("installing the Python clients into target/test-tools/python");
    make_venv(&venv, &root.join("tests/clients/python/requirements.txt"))?;
    Ok(venv.join("bin/python"))
}

/// A virtual environment with the pinned packages.
pub(crate) fn make_venv(venv: &Path, requirements: &Path) -> Outcome {
    shell::run(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ]);
    shell::run(pip.arg(requirements))
}

/// A copy of a Node suite, so that `node_modules` stays out of the source tree.
pub(crate) fn prepare_node(root: &Path, suite: &str, tool: &str) -> Result<PathBuf, String> {
    let copy = root.join("target/test-tools").join(tool);
    copy_files(&root.join("tests").join(suite), &copy)?;
    shell::announce(&format!(
        "installing what tests/{suite} needs into target/test-tools/{tool}"
    ));
    shell::run(
        Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(&copy),
    )?;
    Ok(copy)
}

fn copy_files(from: &Path, to: &Path) -> Outcome {
    let failed = |e: std::io::Error| format!("cannot copy {} to {}: {e}", from.display(), to.display());
    if to.exists() {
        std::fs::remove_dir_all(to).map_err(failed)?;
    }
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)?.flatten() {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).map_err(failed)?;
        }
    }
    Ok(())
}
