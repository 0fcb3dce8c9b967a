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

/// Each flow of the page, against a demo of its own, as the tests change its database.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let suite = Suite::start(workspace)?;
    lint(workspace, &suite.folder)?;
    shell::announce("the page in Chromium against a demo on SQLite");
    shell::run(&mut suite.node("page.test.mjs")?)
}

/// Biome checks format and lints of the page's modules and of their tests, by `biome.json`.
fn lint(workspace: &Workspace, installed: &Path) -> Outcome {
    shell::announce("linter and formatter of the page's JavaScript");
    let biome = installed.join("node_modules/.bin/biome");
    let mut biome = workspace.tools().command(biome);
    shell::run(biome.arg("check").current_dir(workspace.root()))
}

/// Writes the screenshots into `docs/images`, with a palette of 256 colours.
pub(crate) fn screenshots(workspace: &Workspace) -> Outcome {
    prepare(workspace.tools())?;
    let suite = Suite::start(workspace)?;
    let images = workspace.root().join("docs/images");
    std::fs::create_dir_all(&images).map_err(|e| format!("cannot make {}: {e}", images.display()))?;
    shell::run(suite.node("screenshots.mjs")?.env("WMDA_AUTH_IMAGES", &images))?;
    let pictures = pictures(&images)?;
    let mut palette = workspace.tools().command("pngquant");
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
    workspace: &'a Workspace,
    folder: PathBuf,
    browser: PathBuf,
    server: PathBuf,
    demo: Demo,
}

impl<'a> Suite<'a> {
    fn start(workspace: &'a Workspace) -> Result<Self, String> {
        let (server, tools) = (workspace.server()?, workspace.tools());
        Ok(Self {
            workspace,
            folder: tools.folder().join(SUITE),
            browser: browser::path(tools),
            demo: Demo::start(&server, None)?,
            server,
        })
    }

    fn node(&self, file: &str) -> Result<Command, String> {
        let mut node = node::test_against(self.workspace.tools(), &self.folder, &self.demo)?;
        node.args(["--test-reporter=spec", file])
            .env("WMDA_AUTH_SERVER", &self.server)
            .env("WMDA_AUTH_CHROMIUM", &self.browser);
        Ok(node)
    }
}
