"""The Debian package in a Debian root: installed, set up by the guide that it brings, started as its unit says, installed over
itself, removed, installed again, purged. systemd does not run in a root: the unit's command, user and folder are read from it
here, and its sandbox is not tried. By root; the standard library and the root's programs alone."""

import base64
import datetime
import json
import pathlib
import platform
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

FOLDER = pathlib.Path(sys.argv[1])
SYSTEM = FOLDER / f"{platform.freedesktop_os_release()['VERSION_CODENAME']}.tar"
PACKAGE = FOLDER / "wmda-auth.deb"

NAME = "wmda-auth"
CONFIGURATION = "/etc/wmda-auth/wmda-auth.toml"
STATE = "/var/lib/wmda-auth"
UNIT = "/usr/lib/systemd/system/wmda-auth.service"
WANTED = "/etc/systemd/system/multi-user.target.wants/wmda-auth.service"
GUIDES = "/usr/share/doc/wmda-auth"
ISSUER = "https://auth.example.org"


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found!r}, and should be {wanted!r}")


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


class Root:
    """A folder that is `/` to the programs in it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        subprocess.run(["tar", "--extract", "--file", SYSTEM, "--directory", folder], check=True)
        shutil.copy(PACKAGE, self.path("/wmda-auth.deb"))

    def path(self, name):
        return self.folder / name.lstrip("/")

    def command(self, words, folder="/"):
        own = ["LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive"]
        return ["chroot", str(self.folder), "env", "--ignore-environment", f"--chdir={folder}", *own, *words]

    def run(self, *words, folder="/"):
        done = subprocess.run(
            self.command(words, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode != 0:
            sys.exit(f"{shlex.join(words)}: {done.returncode}\n{done.stdout}")
        return done.stdout

    def by_server(self, command):
        """A line of a guide, as the guide says: by the server's user, beside the configuration."""
        return self.run("runuser", "-u", NAME, "--", *shlex.split(command), folder="/etc/wmda-auth")

    def guide(self, name):
        return self.path(f"{GUIDES}/{name}").read_text()

    def account(self):
        return self.run("getent", "passwd", NAME).strip().split(":")

    def status(self):
        asked = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}", NAME]
        return subprocess.run(self.command(asked), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout

    def data(self):
        """What the server and its commands keep, by name."""
        files = (path for path in sorted(self.path(STATE).rglob("*")) if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


def commands(guide, *headings):
    """The lines to paste below these headings."""
    sections = [guide.split(f"\n## {heading}\n")[1].split("\n## ")[0] for heading in headings]
    return re.findall(r"^ {4,}(wmda-auth .*)$", "\n".join(sections), re.MULTILINE)


def install(root):
    root.run("dpkg", "--install", "/wmda-auth.deb")
    expect("the package", root.status(), "installed")
    modes = {
        "/etc/wmda-auth": "750 root wmda-auth",
        CONFIGURATION: "640 root wmda-auth",
        STATE: "700 wmda-auth wmda-auth",
        "/usr/bin/wmda-auth": "755 root root",
        UNIT: "644 root root",
    }
    for path, wanted in modes.items():
        expect(path, root.run("stat", "--format", "%a %U %G", path).strip(), wanted)


def check_what_is_promised(root):
    user = root.account()
    expect("the user's folder and shell", user[5:], [STATE, "/usr/sbin/nologin"])
    expect("the user is one of the system", 0 < int(user[2]) < 1000, True)
    asked = ["dpkg-query", "--show", "--showformat"]
    conffiles = root.run(*asked, "${Conffiles}", NAME).split()
    expect("what dpkg keeps when it was changed", conffiles[::2], [CONFIGURATION])
    depends = {word.split()[0] for word in root.run(*asked, "${Depends}", NAME).split(",")}
    expect("what its scripts and its unit call", {"adduser", "procps"} <= depends, True)
    version = root.run(*asked, "${Version}", NAME).rsplit("-", 1)[0]
    expect("wmda-auth --version", root.run(NAME, "--version").split()[:2], [NAME, version])
    expect("enabled before anybody asked", root.path(WANTED).is_symlink(), False)
    analysed = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", f"--root={root.folder}", UNIT]
    subprocess.run(analysed, check=True)


def configure(root):
    """By an operator's editor: SQLite, as the guide writes it, and ports that are free here."""
    database = re.search(r'`(url = "sqlite:[^`]*")`', root.guide("operators.md"))[1]
    port, metrics = free_port(), free_port()
    changes = {
        'bind = "127.0.0.1:8080"': f'bind = "127.0.0.1:{port}"',
        'metrics_bind = "127.0.0.1:9464"': f'metrics_bind = "127.0.0.1:{metrics}"',
        'url = "postgres://wmda_auth@127.0.0.1/wmda_auth"': database,
        'password_file = "/etc/wmda-auth/database-password"': "",
    }
    text = root.path(CONFIGURATION).read_text()
    for line, own in changes.items():
        expect(f"how often {line} stands there", text.count(f"\n{line}\n"), 1)
        text = text.replace(f"\n{line}\n", f"\n{own}\n")
    root.path(CONFIGURATION).write_text(text)
    return port, text


def set_up(root):
    said = ""
    for command in commands(root.guide("operators.md"), "First start in production"):
        said = root.by_server(command)
    expect("the last command, check, is content", "are in order" in said, True)
    expect("files that everybody can read", re.findall("everybody", said), [])
    root.run("systemctl", "enable", NAME)
    expect("enabled", root.path(WANTED).is_symlink(), True)


class Server:
    """The unit's ExecStart by the unit's user, in its folder; ended with this."""

    def __init__(self, root, port):
        unit = dict(re.findall(r"^(\w+)=(.*)$", root.path(UNIT).read_text(), re.MULTILINE))
        user = ["setpriv", f"--reuid={unit['User']}", f"--regid={unit['Group']}", "--init-groups", "--pdeathsig=KILL"]
        rights = ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"]
        command = root.command([*user, *rights, *shlex.split(unit["ExecStart"])], unit["WorkingDirectory"])
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command, umask=int(unit["UMask"], 8), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        self.port = port

    def __enter__(self):
        until = time.monotonic() + 60
        while self.readiness() != 200:
            if self.process.poll() is not None or time.monotonic() > until:
                self.log.seek(0)
                sys.exit(f"the server does not become ready:\n{self.log.read()}")
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def readiness(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code
        except OSError:
            return None

    def user(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return re.search(r"^Uid:\t(\d+)", status, re.MULTILINE)[1]

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        expect("the server's exit code", self.process.wait(45), 0)


# What the commands of the guide learn from the ones before.
LEARNT = {
    "create-resource": ("<resource id>", "id"),
    "create-organisation": ("<organisation id>", "id"),
    "create-application": ("<client_id>", "client_id"),
    "create-user": ("<user id>", "id"),
}


def first_member(root):
    """The first admin, an API, and a member with a secret, by the commands of the team's guide."""
    known = {}
    for command in commands(root.guide("wmda-team.md"), "The first admin", "An API", "A new member"):
        for word, own in known.items():
            command = command.replace(word, own)
        said = root.by_server(command)
        if shlex.split(command)[2] in LEARNT:
            word, field = LEARNT[shlex.split(command)[2]]
            known[word] = re.search(rf"^{field} +(\S+)$", said, re.MULTILINE)[1]
    return issue_secret(root, known["<organisation id>"]) | {"resource": known["<resource id>"]}


def issue_secret(root, organisation):
    made = root.run("age-keygen", "--output", "/root/key.txt")
    order = {
        "organisation": organisation,
        "recipient": re.search(r"age1\w+", made)[0],
        "expires": str(datetime.date.today() + datetime.timedelta(days=90)),
        "out": f"{STATE}/issued",
    }
    options = " ".join(f"--{name} {value}" for name, value in order.items())
    said = root.by_server(f"wmda-auth admin issue-secrets {options}")
    sealed = re.search(r"/\S+\.age\b", said)[0]
    opened = root.run("age", "--decrypt", "--identity", "/root/key.txt", sealed)
    issued = json.loads(opened)["secrets"][0]
    return {name: issued[name] for name in ("client_id", "client_secret")}


def check_token(port, client):
    """As a member's system asks, from outside of the root."""
    form = urllib.parse.urlencode({"grant_type": "client_credentials", **client})
    curl = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "20", "--data", "@-"]
    answer = subprocess.run(
        [*curl, f"http://127.0.0.1:{port}/oauth2/token"], input=form, stdout=subprocess.PIPE, text=True
    )
    expect(f"curl's exit code ({answer.stdout})", answer.returncode, 0)
    claims = json.loads(answer.stdout)["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    found = [claims.get(name) for name in ("iss", "aud", "client_id")]
    expect("the token's claims", found, [ISSUER, client["resource"], client["client_id"]])


def check_what_stays(root, configuration, data):
    expect("the changed configuration", root.path(CONFIGURATION).read_text(), configuration)
    expect("the data", root.data(), data)
    expect("the user's folder", root.account()[5], STATE)


def main(root):
    install(root)
    check_what_is_promised(root)
    port, configuration = configure(root)
    set_up(root)
    with Server(root, port) as server:
        expect("the server's user", server.user(), root.account()[2])
        client = first_member(root)
        check_token(port, client)
        server.stop()
    print("installed, set up, started: a token")

    data = root.data()
    install(root)
    check_what_stays(root, configuration, data)
    root.path(CONFIGURATION).unlink()
    root.run("dpkg", "--install", "/wmda-auth.deb")
    expect("a configuration that was removed", root.path(CONFIGURATION).exists(), False)
    root.path(CONFIGURATION).write_text(configuration)
    print("installed over itself: nothing lost")

    root.run("dpkg", "--remove", NAME)
    expect("what is removed", root.status(), "config-files")
    expect("program and unit", [root.path(path).exists() for path in ("/usr/bin/wmda-auth", UNIT, GUIDES)], [False] * 3)
    check_what_stays(root, configuration, data)
    install(root)
    check_what_stays(root, configuration, data)
    expect("still enabled", root.path(WANTED).is_symlink(), True)
    with Server(root, port) as server:
        check_token(port, client)
        server.stop(signal.SIGINT)
    print("removed and installed again: the same secret gets a token")

    data = root.data()
    root.run("dpkg", "--purge", NAME)
    expect("what is purged", root.status() in ("", "not-installed"), True)
    expect("the configuration's folder", root.path("/etc/wmda-auth").exists(), False)
    left = [str(path) for path in root.path("/etc/systemd").rglob("*wmda-auth*")]
    expect("links of systemd", left, [])
    expect("keys, pepper, database", root.data(), data)
    expect("the user's folder", root.account()[5], STATE)
    print("purged: keys, pepper, database and user stay")


# Whoever ends this early finds the folder gone, too.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
with tempfile.TemporaryDirectory(prefix="root-", dir=FOLDER) as folder:
    main(Root(folder))
