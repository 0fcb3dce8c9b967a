"""The server that is attacked: the release binary with sample data, under a limit of memory, on loopback."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import signal
import sqlite3
import struct
import subprocess
import tempfile
import time

# What the process may address; a flood that is kept in memory ends it.
MEMORY = 3 * 1024**3
OPEN_FILES = 1024


class Server:
    def __init__(self, binary, variables=(), unread_log=False):
        self.folder = tempfile.TemporaryDirectory(prefix="wmda-auth-attacks-")
        self.log = open(os.path.join(self.folder.name, "log"), "wb")
        reading, writing = os.pipe() if unread_log else (None, None)
        environment = {**os.environ, "WMDA_AUTH__SERVER__METRICS_BIND": "127.0.0.1:0", **dict(variables)}
        self.process = subprocess.Popen(
            ["prlimit", f"--as={MEMORY}", f"--nofile={OPEN_FILES}", binary, "demo", "--json", "--port", "0",
             "--data-dir", os.path.join(self.folder.name, "data")],
            stdout=subprocess.PIPE, stderr=writing or self.log, env=environment, text=True,
        )
        self.unread = reading
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the server did not start: " + open(self.log.name).read())
        self.summary = json.loads(line)
        host, port = self.summary["base_url"].rsplit("/", 1)[1].split(":")
        self.address = (host, int(port))

    def memory(self):
        """The most memory that was held so far, in MiB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            line = next(line for line in status if line.startswith("VmHWM"))
        return int(line.split()[1]) // 1024

    def rows(self):
        """All rows of all tables."""
        path = os.path.join(self.summary["data_dir"], "wmda-auth.db")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return sum(database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in tables)

    def mails(self):
        path = os.path.join(self.summary["data_dir"], "mail")
        return len(os.listdir(path)) if os.path.isdir(path) else 0

    def lines(self):
        with open(self.log.name, "rb") as log:
            return sum(1 for _ in log)

    def lives(self):
        return self.process.poll() is None

    def end(self):
        """Seconds from SIGTERM to the end."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        took = time.monotonic() - began
        self.log.close()
        if self.unread is not None:
            os.close(self.unread)
        self.folder.cleanup()
        return took


def code(secret):
    """What an authenticator shows now (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
