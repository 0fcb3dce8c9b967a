//! The prerequisites of a step and their detection: Debian packages and runtimes.

use std::path::Path;

use crate::browser;
use crate::postgres;
use crate::runtimes::{self, Runtime};
use crate::tools::Tools;

#[derive(Clone, Copy)]
pub(crate) enum Need {
    Package(Package),
    /// The system's, if recent enough, else one from PyPI.
    Runtime(Runtime),
    /// Debian's Chromium; on Ubuntu, which has it as a snap only, one from npm.
    Browser,
    /// To be root, for more than installing packages.
    Root,
}

/// A Debian package.
#[derive(Clone, Copy)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    there: fn(&Tools) -> bool,
    /// Whether its programs also work when unpacked into a folder, without root.
    pub(crate) unpacks: bool,
}

impl Package {
    pub(crate) fn is_there(&self, tools: &Tools) -> bool {
        (self.there)(tools)
    }
}

const fn unpackable(name: &'static str, there: fn(&Tools) -> bool) -> Need {
    Need::Package(Package {
        name,
        there,
        unpacks: true,
    })
}

const fn installed(name: &'static str, there: fn(&Tools) -> bool) -> Package {
    Package {
        name,
        there,
        unpacks: false,
    }
}

pub(crate) const POSTGRESQL: Need = unpackable("postgresql", |tools| postgres::bin_dir(tools).is_some());
pub(crate) const OPENSSL: Need = unpackable("openssl", |tools| tools.has("openssl"));
pub(crate) const CURL: Need = unpackable("curl", |tools| tools.has("curl"));
pub(crate) const JQ: Need = unpackable("jq", |tools| tools.has("jq"));
pub(crate) const OATHTOOL: Need = unpackable("oathtool", |tools| tools.has("oathtool"));
pub(crate) const FAKETIME: Need = unpackable("faketime", |tools| faketime(tools).is_some());
pub(crate) const PYTHON: Need = Need::Package(VENV);
pub(crate) const NODE: Need = Need::Runtime(Runtime::Node);
pub(crate) const GO: Need = Need::Runtime(Runtime::Go);
pub(crate) const JAVA: Need = Need::Package(installed("default-jdk-headless", |tools| tools.has("javac")));
pub(crate) const MAVEN: Need = Need::Package(installed("maven", |tools| tools.has("mvn")));
pub(crate) const APACHE: Need = Need::Package(installed("apache2-bin", |_| there("/usr/sbin/apache2")));
pub(crate) const APACHE_OPENIDC: Need = Need::Package(installed("libapache2-mod-auth-openidc", |_| {
    there("/usr/lib/apache2/modules/mod_auth_openidc.so")
}));
pub(crate) const HAPROXY: Need = Need::Package(installed("haproxy", |tools| {
    tools.has("haproxy") || there("/usr/sbin/haproxy")
}));
pub(crate) const PROMTOOL: Need = unpackable("prometheus", |tools| tools.has("promtool"));
pub(crate) const SYSTEMD: Need = unpackable("systemd", |tools| tools.has("systemd-analyze"));
pub(crate) const NGINX: Need = Need::Package(installed("nginx", |_| there("/usr/sbin/nginx")));
pub(crate) const NGINX_JS: Need = Need::Package(installed("libnginx-mod-http-js", |_| {
    there("/usr/lib/nginx/modules/ngx_http_js_module.so")
}));
pub(crate) const DEBOOTSTRAP: Need =
    Need::Package(installed("debootstrap", |_| there("/usr/sbin/debootstrap")));
/// Signatures of the mirror, which debootstrap checks.
pub(crate) const GPGV: Need = Need::Package(installed("gpgv", |tools| tools.has("gpgv")));
pub(crate) const DPKG_DEV: Need = Need::Package(installed("dpkg-dev", |tools| tools.has("dpkg-shlibdeps")));
pub(crate) const TASKSET: Need = Need::Package(installed("util-linux", |tools| tools.has("taskset")));
pub(crate) const VALGRIND: Need = Need::Package(installed("valgrind", |tools| tools.has("valgrind")));
pub(crate) const WRK: Need = Need::Package(installed("wrk", |tools| tools.has("wrk")));
pub(crate) const PNGQUANT: Need = Need::Package(installed("pngquant", |tools| tools.has("pngquant")));
/// A font like those on people's machines.
pub(crate) const FONT: Need = Need::Package(installed("fonts-noto-core", |_| {
    there("/usr/share/fonts/truetype/noto")
}));

/// On Debian `python3 -m venv` exists without the package, but can't set up pip.
const VENV: Package = installed("python3-venv", |tools| {
    crate::shell::succeeds(tools.command("python3").args(["-c", "import venv, ensurepip"]))
});

/// The library that fakes a process's clock.
pub(crate) fn faketime(tools: &Tools) -> Option<std::path::PathBuf> {
    tools.file(&format!(
        "/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1",
        std::env::consts::ARCH
    ))
}

const CHROMIUM: Package = installed("chromium", browser::is_installed);
/// What a Chromium that is no Debian package links to.
const NSS: Package = installed("libnss3", |tools| {
    let library = format!("/usr/lib/{}-linux-gnu/libnss3.so", std::env::consts::ARCH);
    tools.file(&library).is_some()
});

/// Without a font no text has a height, and nothing on a page is visible.
const FONTS: Package = installed("fontconfig", |_| there("/etc/fonts/fonts.conf"));

impl Need {
    /// The Debian packages needed; those of a runtime only if the system's own is too old.
    pub(crate) fn packages(self, tools: &Tools) -> Vec<Package> {
        match self {
            Self::Package(package) => vec![package],
            Self::Runtime(runtime) if runtimes::is_recent(runtime, tools) => Vec::new(),
            Self::Runtime(_) => vec![VENV],
            Self::Browser if browser::distribution_has_it() => vec![CHROMIUM],
            Self::Browser => vec![NSS, FONTS],
            Self::Root => Vec::new(),
        }
    }

    /// Its name in a list.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Package(package) => package.name.to_owned(),
            Self::Runtime(runtime) => {
                let (major, minor) = runtime.oldest();
                format!("{} {major}.{minor} or newer", runtime.name())
            }
            Self::Browser => "Chromium".to_owned(),
            Self::Root => "root".to_owned(),
        }
    }
}

fn there(path: &str) -> bool {
    Path::new(path).exists()
}
