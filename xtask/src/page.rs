//! The page in a real browser: its tests, and `cargo xtask screenshots`, which makes the pictures of the guides.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::clients::{LOOPBACK, prepare_node};
use crate::demo::Demo;
use crate::packages;
use crate::shell::{self, Outcome};

/// Debian's browser.
pub(crate) const CHROMIUM: &str = "/usr/bin/chromium";
/// Makes pictures small.
pub(crate) const PNGQUANT: &str = "/usr/bin/pngquant";

/// Each flow of the page, against a demo of its own: the tests change its database.
pub(crate) fn run(root: &Path) -> Outcome {
    let suite = Suite::prepare(root)?;
    lint(root, &suite.folder)?;
    shell::announce("the page in Chromium against a demo on SQLite");
    shell::run(&mut suite.node("page.test.mjs")?)
}

/// Biome checks the form and the rules of the page's modules and of their tests, by `biome.json`.
fn lint(root: &Path, tools: &Path) -> Outcome {
    shell::announce("linter and formatter of the page's JavaScript");
    let mut biome = Command::new(tools.join("node_modules/.bin/biome"));
    shell::run(biome.arg("check").current_dir(root))
}

/// Writes the pictures into `docs/images`, with a palette of 256 colours.
pub(crate) fn screenshots(root: &Path) -> Outcome {
    packages::ensure()?;
    packages::ensure_for_pictures()?;
    shell::run(shell::cargo(root).args(["build", "--locked", "-p", "server"]))?;
    let suite = Suite::prepare(root)?;
    let images = root.join("docs/images");
    std::fs::create_dir_all(&images).map_err(|e| format!("cannot make {}: {e}", images.display()))?;
    shell::run(suite.node("screenshots.mjs")?.env("WMDA_AUTH_IMAGES", &images))?;
    let pictures = pictures(&images)?;
    let mut palette = Command::new(PNGQUANT);
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

struct Suite {
    folder: PathBuf,
    server: PathBuf,
    demo: Demo,
}

impl Suite {
    fn prepare(root: &Path) -> Result<Self, String> {
        let folder = prepare_node(root, "page", "page")?;
        let server = shell::target_dir(root).join("debug/wmda-auth");
        let demo = Demo::start(&server, None)?;
        Ok(Self { folder, server, demo })
    }

    fn node(&self, file: &str) -> Result<Command, String> {
        let mut node = Command::new("node");
        node.args(["--test", "--test-reporter=spec", file])
            .current_dir(&self.folder)
            .env("NO_PROXY", LOOPBACK)
            .env("no_proxy", LOOPBACK)
            .env("NODE_EXTRA_CA_CERTS", self.demo.text("ca_file")?)
            .env("WMDA_AUTH_SERVER", &self.server)
            .env("WMDA_AUTH_CHROMIUM", CHROMIUM)
            .env("WMDA_AUTH_DEMO", self.demo.json());
        Ok(node)
    }
}
