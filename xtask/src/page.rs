//! The page in a real browser: its tests, and `cargo xtask screenshots`, which takes the pictures of the guides.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::browser;
use crate::demo::Demo;
use crate::node;
use crate::shell::{self, Outcome};
use crate::tools::Tools;
use crate::workspace::Workspace;

const SUITE: &str = "page";

pub(crate) fn prepare(tools: &Tools) -> Outcome {
    node::prepare(tools, "page", SUITE)
}

/// The halves of the tests, each against a demo of its own, as they change its database. Both wait most of the time.
const HALVES: [&str; 2] = ["secrets.test.mjs", "people.test.mjs"];

pub(crate) fn run(workspace: &Workspace) -> Outcome {
    lint(workspace)?;
    shell::announce("the page in Chromium against demos on SQLite");
    let (tools, server) = (workspace.tools(), &workspace.server()?);
    let test = |half| shell::run(&mut Suite::start(tools, server)?.node(half)?);
    shell::side_by_side(HALVES.map(|half| move || test(half)))
}

/// Biome checks format and lints of the page's modules and of their tests, by `biome.json`.
fn lint(workspace: &Workspace) -> Outcome {
    shell::announce("linter and formatter of the page's JavaScript");
    let tools = workspace.tools();
    let mut biome = tools.command(tools.folder().join(SUITE).join("node_modules/.bin/biome"));
    shell::run(biome.arg("check").current_dir(workspace.root()))
}

/// Writes the screenshots into `docs/images`, with a palette of 256 colours.
pub(crate) fn screenshots(workspace: &Workspace) -> Outcome {
    let (tools, server) = (workspace.tools(), &workspace.server()?);
    prepare(tools)?;
    let suite = Suite::start(tools, server)?;
    let images = workspace.root().join("docs/images");
    std::fs::create_dir_all(&images).map_err(|e| format!("cannot make {}: {e}", images.display()))?;
    shell::run(suite.node("screenshots.mjs")?.env("WMDA_AUTH_IMAGES", &images))?;
    let pictures = pictures(&images)?;
    let mut palette = tools.command("pngquant");
    palette.args(["--force", "--ext", ".png", "--strip", "--speed", "1", "--"]);
    shell::run(palette.args(&pictures))
}

fn pictures(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("cannot read {}: {e}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    Ok(paths
        .filter(|path| path.extension().is_some_and(|end| end == "png"))
        .collect())
}

struct Suite<'a> {
    tools: &'a Tools,
    server: &'a Path,
    demo: Demo,
}

impl<'a> Suite<'a> {
    fn start(tools: &'a Tools, server: &'a Path) -> Result<Self, String> {
        let demo = Demo::start(server, None)?;
        Ok(Self { tools, server, demo })
    }

    fn node(&self, file: &str) -> Result<Command, String> {
        let mut node = node::test_against(self.tools, &self.tools.folder().join(SUITE), &self.demo)?;
        // With the last test it ends, whatever of the browser still goes on.
        node.args(["--test-force-exit", "--test-reporter=spec", file])
            .env("WMDA_AUTH_SERVER", self.server)
            .env("WMDA_AUTH_CHROMIUM", browser::path(self.tools));
        Ok(node)
    }
}
