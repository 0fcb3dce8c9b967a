"""Files that fail under a running node: a full disk, a database that is gone, keys, pepper and certificate that are gone."""

import datetime
import os
import shutil
import signal
import subprocess
import time

from clients import Connection, Manager, Watch
from databases import ANSWERED, BACK, finished
from ground import own_folder, until
from nodes import Node, Site

# What the server has to write while a disk is full: enough for the sample data, and little more.
DISK = 16 * 1024 * 1024


class Disk:
    """A small file system that one process alone sees, and that is gone with it; in a chroot, all see it until the row ends."""

    def __init__(self, row, folder):
        self.row, self.folder = row, folder
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        script = f'mkdir "$0.old" && cp -a "$0/." "$0.old" && mount -t tmpfs -o size={DISK} tmpfs "$0" && cp -a "$0.old/." "$0" && rm -r "$0.old" && cd "$0" && exec "$@"'
        apart = ["unshare", *user, "--mount"]
        if subprocess.run([*apart, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            apart = []
            row.callback(subprocess.run, ["umount", str(folder)], stderr=subprocess.DEVNULL)
        self.around = [*apart, "sh", "-c", script, str(folder)]

    def of(self, node):
        """The folder as the node sees it."""
        return f"/proc/{node.process.pid}/root{self.folder}"

    def fill(self, node):
        with open(f"{self.of(node)}/filler", "wb", buffering=0) as filler:
            for size in (65536, 4096, 512, 1):
                try:
                    while True:
                        filler.write(b"x" * size)
                except OSError:
                    pass

    def free(self, node):
        os.remove(f"{self.of(node)}/filler")


def disk_full(row):
    seconds = row.hold(40, 5)
    row.did(f"one node on SQLite, whose disk has no byte left for {seconds} s; then there is room again")
    site = Site(row)
    disk = Disk(row, site.folder)
    node = Node(site, around=disk.around)
    # At once: SQLite has room of its own in what it has written before.
    manager = Manager(site, node)
    began = time.monotonic()
    disk.fill(node)
    watch = Watch(site, [node], manager)
    time.sleep(seconds)
    status, said = node.ready()
    mended = time.monotonic()
    created = dict(watch.managed)
    disk.free(node)
    row.expect(until(BACK, lambda: watch.managed["create 201"] > created.get("create 201", 0)), f"secrets can be created again within {BACK:.0f} s")
    time.sleep(row.hold(5, 3))
    row.saw(f"with the disk full: {watch.counts(began, mended)}; slowest answer {watch.slowest(began, mended):.1f} s")
    row.heard(f"/readyz {status} “{said}”, {node.ready()[0]} after it")
    row.expect(watch.only((200,), began), "tokens all the while")
    row.expect(created.get("create 503", 0) > 0, "what can't be written is 503")
    row.expect(until(BACK, node.is_ready), "ready again without a restart")
    finished(row, [node], watch)
    # The dead stay dead in the file, too, and the file is whole.
    copy = own_folder(row, "copy")
    shutil.copytree(disk.of(node), copy / "data")
    node.signal(signal.SIGKILL)
    node.process.wait()
    outcome = subprocess.run(["python3", "-c", "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA integrity_check').fetchone()[0])", f"{copy}/data/wmda-auth.db"], capture_output=True, text=True)
    row.expect(outcome.stdout.strip() == "ok", "`PRAGMA integrity_check` says ok")


def log_full(row):
    seconds = row.hold(10, 4)
    row.did(f"one node on SQLite, whose log is on a disk of its own that has no byte left for {seconds} s")
    site = Site(row)
    folder = own_folder(row, "log")
    disk = Disk(row, folder)
    disk.around[disk.around.index("sh") + 2] += ' 2>>"$0/log"'
    node = Node(site, around=disk.around)
    watch = Watch(site, [node], Manager(site, node))
    time.sleep(3)
    began = time.monotonic()
    disk.fill(node)
    log = f"{disk.of(node)}/log"
    length = os.path.getsize(log)
    time.sleep(seconds)
    still = os.path.getsize(log)
    lost = node.metric('wmda_auth_log_lines_missing_total{reason="unread"}')
    mended = time.monotonic()
    disk.free(node)
    row.expect(until(BACK, lambda: os.path.getsize(log) > still), "the log goes on when there is room again")
    row.saw(f"with the log's disk full: {watch.counts(began, mended)}; slowest answer {watch.slowest(began, mended):.1f} s")
    row.heard(f"/readyz {node.ready()[0]}; the log grew by {still - length} bytes meanwhile; {lost or 0:.0f} lines counted as missing")
    row.expect(watch.only((200,), began) and watch.slowest(began) <= ANSWERED, "nobody notices")
    row.expect(bool(lost), "the lines that are missing are counted")
    finished(row, [node], watch)


def sqlite_gone(row):
    seconds = row.hold(10, 4)
    row.did(f"two nodes on SQLite, whose file is moved away for {seconds} s and then put back; then the file is removed and an empty one is put in its place")
    site = Site(row)
    nodes = [Node(site), Node(site)]
    watch = Watch(site, nodes, Manager(site, nodes[0]))
    time.sleep(3)
    file = site.folder / "wmda-auth.db"
    away = site.folder / "away.db"
    began = time.monotonic()
    file.rename(away)
    time.sleep(2.5)
    settled = time.monotonic()
    status, said = nodes[0].ready()
    time.sleep(seconds)
    mended = time.monotonic()
    made = file.exists()
    away.rename(file)
    again = watch.wait_again(mended)
    row.saw(f"with the file away: {watch.counts(began, mended)}; slowest answer {watch.slowest(began, mended):.1f} s; tokens from every node {again:.1f} s after it is back")
    row.heard(f"/readyz {status} “{said}”")
    row.expect(not made, "no empty database appears by itself")
    row.expect(watch.only((503,), settled, mended - ANSWERED / 2) and status == 503, "nothing is done in a file that nobody will find again: 503, not ready")
    row.expect(again <= BACK, f"tokens again within {BACK:.0f} s")
    finished(row, nodes, watch)
    file.unlink()
    file.touch()
    time.sleep(2.5)
    answers = {Connection(node.port).token(site.body()) for node in nodes}
    row.saw(f"with an empty file in its place: {', '.join(map(str, answers))}")
    row.expect(answers == {503} and not nodes[0].is_ready(), "another file is not taken for it: 503, and nobody is called unknown")


def files_gone(row):
    row.did("two nodes on SQLite with TLS; under them pepper, keys and certificate are removed, SIGHUP is sent; then all is put back")
    site = Site(row)
    certificate(site.folder)
    paths = [site.folder / name for name in ("pepper", "keys", "tls.crt", "tls.key")]
    plain = Node(site)
    secure = Node(site, start=False, SERVER__TLS_CERT=str(paths[2]), SERVER__TLS_KEY=str(paths[3]), SERVER__PUBLIC_URL="https://localhost:8443")
    secure.launch()
    handshakes = lambda: subprocess.run(["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", f"https://localhost:{secure.port}/readyz"], capture_output=True, text=True).stdout
    row.expect(until(30, lambda: handshakes() == "200"), "the node with TLS starts")
    watch = Watch(site, [plain], Manager(site, plain))
    time.sleep(2)
    began = time.monotonic()
    away = own_folder(row, "away")
    for path in paths:
        shutil.move(path, away / path.name)
    for node in (plain, secure):
        node.signal(signal.SIGHUP)
    time.sleep(row.hold(20, 8))
    status, said = plain.ready()
    over_tls = handshakes()
    refused = site.command("check", SERVER__TLS_CERT=str(paths[2]), SERVER__TLS_KEY=str(paths[3]), SERVER__PUBLIC_URL="https://localhost:8443")
    for path in paths:
        shutil.move(away / path.name, path)
    time.sleep(6)
    row.saw(f"without the files: {watch.counts(began)}; over TLS {over_tls}")
    row.heard(f"/readyz {status} “{said}”")
    row.expect(watch.only((200,), began), "a running node goes on with what it has read")
    row.expect(over_tls == "200", "and with the certificate")
    named = [word for word in ("pepper", "keys", "tls") if word in refused.stderr]
    row.heard(f"`check` exits with {refused.returncode} and names {', '.join(named) or 'nothing'}")
    row.expect(refused.returncode == 1 and len(named) == 3, "`check` names all three")
    row.expect(bool(plain.warned()) and bool(secure.warned()), "the log says that they are gone")
    row.heard(secure.warnings())
    row.expect(plain.is_ready() and handshakes() == "200", "nothing has to be restarted")
    finished(row, [plain], watch)


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt"],
                   check=True, stderr=subprocess.DEVNULL)
    os.chmod(f"{folder}/tls.key", 0o600)
