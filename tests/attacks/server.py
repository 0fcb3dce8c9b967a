"""The server that is attacked: the binary with sample data, under a limit of memory, on loopback."""

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

import http1

# What the process may address: a flood that is kept in memory ends it.
MEMORY = 3 * 1024**3
STEP = 30


class Server:
    def __init__(self, binary, files, variables=(), unread_log=False):
        self.folder = tempfile.TemporaryDirectory(prefix="wmda-auth-attacks-")
        self.log = open(os.path.join(self.folder.name, "log"), "wb")
        reading, writing = os.pipe() if unread_log else (None, None)
        environment = {**os.environ, "WMDA_AUTH__SERVER__METRICS_BIND": "127.0.0.1:0", **dict(variables)}
        self.process = subprocess.Popen(
            ["prlimit", f"--as={MEMORY}", f"--nofile={files}", binary, "demo", "--json", "--port", "0",
             "--data-dir", os.path.join(self.folder.name, "data")],
            stdout=subprocess.PIPE, stderr=writing or self.log, env=environment, text=True,
        )
        self.unread, self.sessions = reading, {}
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the server did not start: " + open(self.log.name).read())
        self.summary = json.loads(line)
        host, port = self.summary["base_url"].rsplit("/", 1)[1].split(":")
        self.address = (host, int(port))

    def forget_peak(self):
        """From now on the peak is what is held now, or more."""
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as refs:
            refs.write("5")

    def memory(self):
        """What is held now, and the most that was held, in MiB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            kib = dict(line.split(":", 1) for line in status)
        return tuple(int(kib[name].split()[0]) // 1024 for name in ("VmRSS", "VmHWM"))

    def database(self):
        path = os.path.join(self.summary["data_dir"], "wmda-auth.db")
        return contextlib.closing(sqlite3.connect(path, timeout=10))

    def read(self, query):
        with self.database() as database:
            return database.execute(query).fetchall()

    def write(self, query, rows):
        with self.database() as database, database:
            database.executemany(query, rows)

    def rows(self):
        """All rows, by table."""
        tables = self.read("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {name: self.read(f'SELECT count(*) FROM "{name}"')[0][0] for (name,) in tables}

    def mails(self):
        path = os.path.join(self.summary["data_dir"], "mail")
        return len(os.listdir(path)) if os.path.isdir(path) else 0

    def lives(self):
        return self.process.poll() is None

    async def ask_json(self, method, path, token=None, body=None, source="127.0.0.1", timeout=10):
        return await http1.ask_json(self.address, source, method, path, token, body, timeout)

    async def sign_in(self, user, source):
        """A session's token. A code works once, so a person signs in once."""
        if user["email"] in self.sessions:
            return self.sessions[user["email"]]
        status, body = await self.ask_json("POST", "/api/v1/session", body=proof_of(user), source=source)
        assert status == 201, body
        return self.sessions.setdefault(user["email"], body["token"])

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
        self.process.stdout.close()
        self.log.close()
        if self.unread is not None:
            os.close(self.unread)
        self.folder.cleanup()
        return took


def proof_of(user, **more):
    """What a sign-in sends."""
    return {"email": user["email"], "password": user["password"], "totp": code(user["totp_secret"]), **more}


def code(secret, at=None):
    """What an authenticator shows (RFC 6238), now or then."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    step = int(time.time() if at is None else at) // STEP
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"
