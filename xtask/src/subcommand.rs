//! Cargo subcommands, built from crates.io into `target/tools` if not installed.

use std::path::PathBuf;
use std::process::Command;

use crate::shell::{self, Outcome};
use crate::tools::Tools;

pub(crate) struct Subcommand {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

impl Subcommand {
    pub(crate) fn provide(&self, tools: &Tools) -> Outcome {
        if self.is_installed(tools) || self.own(tools).exists() {
            return Ok(());
        }
        let package = format!("cargo-{}", self.name);
        shell::announce(&format!("installing {package} into target/tools"));
        let mut install = tools.cargo(&["install", &package, "--version", self.version]);
        install
            .args(["--locked", "--debug", "--quiet", "--root"])
            .arg(folder(tools))
            // Debug information is not needed.
            .env("CARGO_PROFILE_DEV_DEBUG", "false");
        shell::run(&mut install)
    }

    pub(crate) fn command(&self, tools: &Tools) -> Command {
        if self.is_installed(tools) {
            return tools.cargo(&[self.name]);
        }
        let mut own = tools.command(self.own(tools));
        own.current_dir(tools.root()).arg(self.name);
        own
    }

    fn is_installed(&self, tools: &Tools) -> bool {
        shell::succeeds(&mut tools.cargo(&[self.name, "--version"]))
    }

    fn own(&self, tools: &Tools) -> PathBuf {
        folder(tools).join(format!("bin/cargo-{}", self.name))
    }
}

fn folder(tools: &Tools) -> PathBuf {
    tools.root().join("target/tools")
}
