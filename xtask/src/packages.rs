//! The Debian packages that the tests need, installed when a program is missing.

use std::path::Path;
use std::process::Command;

use crate::page;
use crate::postgres;
use crate::shell::{self, Outcome};

pub(crate) fn ensure() -> Outcome {
    let missing = missing();
    if missing.is_empty() {
        shell::announce(
            "PostgreSQL, Python, Node, Chromium, Go, Java, Maven, Apache, nginx, faketime, curl, jq and oathtool are there: nothing to install",
        );
        return Ok(());
    }
    install(&missing)?;
    match self::missing().as_slice() {
        [] => Ok(()),
        still => Err(format!(
            "installed, yet still not usable (Node must be 20 or newer, Go 1.21): {}",
            still.join(", ")
        )),
    }
}

/// What only the pictures of the guides need: a font like those of people's machines, and a tool that makes them small.
pub(crate) fn ensure_for_pictures() -> Outcome {
    if there(page::PNGQUANT) && there("/usr/share/fonts/truetype/noto") {
        return Ok(());
    }
    install(&["pngquant", "fonts-noto-core"])
}

fn missing() -> Vec<&'static str> {
    let present = [
        ("postgresql", postgres::bin_dir().is_some()),
        ("python3-venv", python_makes_venvs()),
        ("nodejs", node_is_recent()),
        ("npm", shell::succeeds(Command::new("npm").arg("--version"))),
        ("chromium", there(page::CHROMIUM)),
        ("golang-go", go_is_recent()),
        (
            "default-jdk-headless",
            shell::succeeds(Command::new("javac").arg("-version")),
        ),
        ("maven", shell::succeeds(Command::new("mvn").arg("--version"))),
        ("apache2-bin", there("/usr/sbin/apache2")),
        (
            "libapache2-mod-auth-openidc",
            there("/usr/lib/apache2/modules/mod_auth_openidc.so"),
        ),
        (
            "libnginx-mod-http-js",
            there("/usr/lib/nginx/modules/ngx_http_js_module.so"),
        ),
        ("nginx", there("/usr/sbin/nginx")),
        ("faketime", there("/usr/bin/faketime")),
        ("curl", there("/usr/bin/curl")),
        ("jq", there("/usr/bin/jq")),
        ("oathtool", there("/usr/bin/oathtool")),
    ];
    present
        .iter()
        .filter(|(_, there)| !there)
        .map(|(package, _)| *package)
        .collect()
}

/// The pinned Node clients need version 20.
fn node_is_recent() -> bool {
    let script = "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)";
    shell::succeeds(Command::new("node").args(["-e", script]))
}

/// From 1.21 on it fetches by itself the version that a module asks for.
fn go_is_recent() -> bool {
    let version = shell::output(Command::new("go").args(["env", "GOVERSION"]));
    let minor = version.ok().and_then(|text| {
        let rest = text.strip_prefix("go1.")?;
        rest.split('.').next()?.parse::<u32>().ok()
    });
    minor.is_some_and(|minor| minor >= 21)
}

fn there(path: &str) -> bool {
    Path::new(path).exists()
}

/// `python3 -m venv` exists on Debian without the package, but cannot set up pip.
fn python_makes_venvs() -> bool {
    shell::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"]))
}

fn install(packages: &[&str]) -> Outcome {
    let names = packages.join(" ");
    let prefix = privilege().ok_or_else(|| {
        format!(
            "these Debian packages are missing and cannot be installed from here: {names}; install them first"
        )
    })?;
    shell::announce(&format!("installing Debian packages: {names}"));
    shell::run(&mut apt_get(prefix, &["update"]))?;
    let mut install = apt_get(prefix, &["install", "-y", "--no-install-recommends"]);
    shell::run(install.args(packages))
}

/// What to put before `apt-get`; none when there is no way to install.
fn privilege() -> Option<&'static [&'static str]> {
    if !Path::new("/usr/bin/apt-get").exists() {
        return None;
    }
    if shell::is_root() {
        return Some(&[]);
    }
    shell::succeeds(Command::new("sudo").args(["-n", "true"])).then_some(&["sudo", "-n"])
}

fn apt_get(prefix: &[&str], arguments: &[&str]) -> Command {
    let words: Vec<&str> = prefix
        .iter()
        .copied()
        .chain(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(arguments);
    command
}
