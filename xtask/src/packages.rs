//! Debian packages: which are missing, and their installation. Root installs them; without root, those that work from
//! any folder are unpacked into `target/test-tools`.

use std::path::Path;
use std::process::Command;

use crate::needs::{Need, Package};
use crate::shell::{self, Outcome};
use crate::tools::Tools;

/// Missing packages, without duplicates.
pub(crate) fn missing(needs: &[Need], tools: &Tools) -> Vec<Package> {
    let mut missing: Vec<Package> = Vec::new();
    for package in needs.iter().flat_map(|need| need.packages(tools)) {
        let listed = missing.iter().any(|other| other.name == package.name);
        if !listed && !package.is_there(tools) {
            missing.push(package);
        }
    }
    missing
}

pub(crate) fn ensure(needs: &[Need], tools: &Tools) -> Outcome {
    let missing = missing(needs, tools);
    if missing.is_empty() {
        return Ok(());
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(format!(
            "missing, and there is no apt-get to install it: Debian's {}",
            names(&missing)
        ));
    }
    match privilege() {
        Some(prefix) => install(&missing, prefix)?,
        None => unpack(&missing, tools)?,
    }
    match still_missing(&missing, tools).as_str() {
        "" => Ok(()),
        names => Err(format!("installed, yet not to be found: {names}")),
    }
}

fn still_missing(packages: &[Package], tools: &Tools) -> String {
    let absent: Vec<Package> = packages
        .iter()
        .copied()
        .filter(|package| !package.is_there(tools))
        .collect();
    names(&absent)
}

pub(crate) fn names(packages: &[Package]) -> String {
    let names: Vec<&str> = packages.iter().map(|package| package.name).collect();
    names.join(" ")
}

fn install(packages: &[Package], prefix: &[&str]) -> Outcome {
    shell::announce(&format!("installing Debian packages: {}", names(packages)));
    shell::run(&mut apt_get(prefix, &["update"]))?;
    let mut install = apt_get(prefix, &["install", "-y", "--no-install-recommends"]);
    shell::run(install.args(packages.iter().map(|package| package.name)))
}

/// What to put before a command that only root can run; none when there is no way to be root.
pub(crate) fn privilege() -> Option<&'static [&'static str]> {
    if shell::is_root() {
        return Some(&[]);
    }
    shell::succeeds(Command::new("sudo").args(["-n", "true"])).then_some(&["sudo", "-n"])
}

/// A program that root runs; none when there is no way to be root.
pub(crate) fn by_root(tools: &Tools, program: &str) -> Option<Command> {
    let mut words = privilege()?.iter().copied().chain([program]);
    let mut command = tools.command(words.next()?);
    command.args(words);
    Some(command)
}

fn apt_get(prefix: &[&str], arguments: &[&str]) -> Command {
    let mut words = prefix
        .iter()
        .chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    let mut command = Command::new(words.next().unwrap_or(&"env"));
    command.args(words).args(arguments);
    command
}

/// Downloads and unpacks packages into a folder, where apt also keeps its lists, so that root is not needed.
fn unpack(packages: &[Package], tools: &Tools) -> Outcome {
    let bound: Vec<Package> = packages
        .iter()
        .copied()
        .filter(|package| !package.unpacks)
        .collect();
    if !bound.is_empty() {
        return Err(format!(
            "only root can install what is missing: sudo apt-get install --no-install-recommends {}\n\
             `cargo xtask test --list` shows the steps that run without; choose with --only",
            names(packages)
        ));
    }
    shell::announce(&format!(
        "not root: unpacking Debian packages into target/test-tools/debian: {}",
        names(packages)
    ));
    let folder = tools.folder().join("debian");
    let archives = folder.join("archives");
    for made in [
        folder.join("lists/partial"),
        archives.join("partial"),
        tools.unpacked(),
    ] {
        std::fs::create_dir_all(&made).map_err(|e| format!("cannot create {}: {e}", made.display()))?;
    }
    shell::run(apt_get_in(&folder).arg("update"))?;
    let mut download = apt_get_in(&folder);
    download.args(["install", "-y", "--no-install-recommends", "--download-only"]);
    shell::run(download.args(packages.iter().map(|package| package.name)))?;
    let files =
        std::fs::read_dir(&archives).map_err(|e| format!("cannot read {}: {e}", archives.display()))?;
    files
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == "deb"))
        .try_for_each(|package| unpack_one(&package, &tools.unpacked()))
}

fn unpack_one(package: &Path, tree: &Path) -> Outcome {
    shell::output(Command::new("dpkg-deb").arg("-x").arg(package).arg(tree)).map(drop)
}

fn apt_get_in(folder: &Path) -> Command {
    let option = |name: &str, value: &str| format!("{name}={}", folder.join(value).display());
    let mut command = Command::new("apt-get");
    command.args(["-q", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="]);
    command.args(["-o", &option("Dir::Cache", "")]);
    command.args(["-o", &option("Dir::Cache::archives", "archives")]);
    command.args(["-o", &option("Dir::State::lists", "lists")]);
    command
}
