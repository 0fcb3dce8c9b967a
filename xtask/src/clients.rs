//! The client suites in Python, Node, Java and Go, against a demo on SQLite and one on PostgreSQL.

use std::path::PathBuf;
use std::process::Command;

use crate::demo::Demo;
use crate::go;
use crate::java;
use crate::node;
use crate::python;
use crate::shell::{self, Outcome};
use crate::tools::Tools;
use crate::workspace::Workspace;

/// Runs last, as it uses everything that the API offers an admin.
const CHANGES_EVERYTHING: &str = "test_management_api.py";
const DATABASE: &str = "wmda_auth_clients";

const PYTHON: &str = "clients-python";
const NODE: &str = "clients-node";

pub(crate) fn prepare(tools: &Tools) -> Outcome {
    shell::announce("installing the Python clients into target/test-tools/clients-python");
    let requirements = tools.root().join("tests/clients/python/requirements.txt");
    python::make_venv(tools, &tools.folder().join(PYTHON), &requirements)?;
    node::prepare(tools, "clients/node", NODE)?;
    java::prepare(tools)
}

pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let tools = workspace.tools();
    let suites = &Suites {
        tools,
        server: workspace.server()?,
        python: tools.folder().join(PYTHON).join("bin/python"),
        node: tools.folder().join(NODE),
    };
    shell::announce("client suites against a demo on SQLite");
    let sqlite = Demo::start(&suites.server, None)?;
    suites.run(&sqlite)?;
    let cluster = workspace.cluster()?;
    cluster.create_database(DATABASE)?;
    shell::announce("client suites against a demo on PostgreSQL");
    let postgres = Demo::start(&suites.server, Some(&cluster.url(DATABASE)))?;
    suites.run(&postgres)?;
    shell::side_by_side([&sqlite, &postgres].map(|demo| || suites.pytest(demo, &[CHANGES_EVERYTHING])))
}

struct Suites<'a> {
    tools: &'a Tools,
    server: PathBuf,
    python: PathBuf,
    node: PathBuf,
}

impl Suites<'_> {
    fn run(&self, demo: &Demo) -> Outcome {
        self.pytest(demo, &[&format!("--ignore={CHANGES_EVERYTHING}"), "."])?;
        shell::run(&mut node::test_against(self.tools, &self.node, demo)?)?;
        java::test_against(self.tools, demo)?;
        go::test_against(self.tools, demo)
    }

    fn pytest(&self, demo: &Demo, which: &[&str]) -> Outcome {
        let mut pytest = Command::new(&self.python);
        pytest
            .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
            .args(which);
        pytest.current_dir(self.tools.root().join("tests/clients/python"));
        pytest
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("WMDA_AUTH_SERVER", &self.server)
            .env("REQUESTS_CA_BUNDLE", demo.text("ca_file")?);
        shell::run(pytest.env("WMDA_AUTH_DEMO", demo.json()))
    }
}
