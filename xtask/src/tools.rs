//! The programs that steps run: the system's, or those in `target/test-tools` if the system lacks them or has too old
//! ones.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell;

#[derive(Clone)]
pub(crate) struct Tools {
    root: PathBuf,
}

impl Tools {
    pub(crate) fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of what is installed for tests only; safe to remove.
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join("target/test-tools")
    }

    /// Links to runtimes from a registry; they precede the system's.
    pub(crate) fn bin(&self) -> PathBuf {
        self.folder().join("bin")
    }

    /// Debian packages that were unpacked instead of installed; they follow the system's.
    pub(crate) fn unpacked(&self) -> PathBuf {
        self.folder().join("debian/tree")
    }

    /// A file of a Debian package by its installed path: the system's, or the unpacked one.
    pub(crate) fn file(&self, installed: &str) -> Option<PathBuf> {
        let unpacked = self.unpacked().join(installed.trim_start_matches('/'));
        [PathBuf::from(installed), unpacked]
            .into_iter()
            .find(|path| path.exists())
    }

    /// Whether this program exists.
    pub(crate) fn has(&self, program: &str) -> bool {
        std::env::split_paths(&self.search_path()).any(|folder| folder.join(program).is_file())
    }

    /// A command with these programs in its `PATH`.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", self.search_path());
        // Otherwise Go would download the version that a module requests.
        command.env("GOTOOLCHAIN", "local");
        if self.unpacked().exists() {
            command.env("LD_LIBRARY_PATH", self.library_path());
        }
        command
    }

    /// A cargo command in the repository.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.command(program);
        command.current_dir(&self.root).args(arguments);
        command
    }

    /// A fresh copy of a folder of `tests` below `target/test-tools`, so that installation leaves the source tree
    /// clean.
    pub(crate) fn copy_of(&self, suite: &str, name: &str) -> Result<PathBuf, String> {
        let (from, to) = (self.root.join("tests").join(suite), self.folder().join(name));
        let failed = |e: std::io::Error| format!("cannot copy {} to {}: {e}", from.display(), to.display());
        if to.exists() {
            std::fs::remove_dir_all(&to).map_err(failed)?;
        }
        std::fs::create_dir_all(&to).map_err(failed)?;
        shell::run(Command::new("cp").arg("-R").arg(from.join(".")).arg(&to))?;
        Ok(to)
    }

    fn search_path(&self) -> OsString {
        let system = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = vec![self.bin()];
        folders.extend(std::env::split_paths(&system));
        // An ordinary user's `PATH` on Debian lacks the folder of servers.
        folders.push("/usr/sbin".into());
        folders.push(self.unpacked().join("usr/bin"));
        joined(folders)
    }

    fn library_path(&self) -> OsString {
        let triple = format!("{}-linux-gnu", std::env::consts::ARCH);
        let given = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&given).collect();
        folders.extend(["usr/lib", "lib"].map(|library| self.unpacked().join(library).join(&triple)));
        joined(folders)
    }
}

/// Joins folders into a search path; one whose name has the separator is left out.
fn joined(folders: Vec<PathBuf>) -> OsString {
    let fit = folders
        .into_iter()
        .filter(|folder| !folder.as_os_str().as_encoded_bytes().contains(&b':'));
    std::env::join_paths(fit).unwrap_or_default()
}
