//! The browser of the page's suite: Debian's Chromium, or one from npm where the distribution has it as a snap only.

use std::path::PathBuf;

use crate::node;
use crate::shell::{self, Outcome};
use crate::tools::Tools;

const INSTALLED: &str = "/usr/bin/chromium";

/// Whether it is a real package: Ubuntu's package of that name is a stub for a snap.
pub(crate) fn distribution_has_it() -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    !release.lines().any(|line| line == "ID=ubuntu")
}

pub(crate) fn is_installed(_: &Tools) -> bool {
    std::path::Path::new(INSTALLED).exists()
}

/// The browser's path.
pub(crate) fn path(tools: &Tools) -> PathBuf {
    match distribution_has_it() {
        true => INSTALLED.into(),
        false => tools.bin().join("chromium"),
    }
}

/// Installs it from npm, unless it exists.
pub(crate) fn provide(tools: &Tools) -> Outcome {
    let browser = path(tools);
    if shell::succeeds(tools.command(&browser).arg("--version")) {
        return Ok(());
    }
    shell::announce("the distribution has no Chromium: one from npm goes into target/test-tools");
    let package = tools.copy_of("runtimes/chromium", "chromium")?;
    node::install(tools, &package)?;
    let mut unpack = tools.command("node");
    shell::run(unpack.current_dir(&package).arg("unpack.mjs").arg(&browser))
}
