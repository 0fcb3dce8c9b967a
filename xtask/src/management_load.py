"""Times creating, listing and deleting secrets over REST in an almost empty store and beside 100,000 secrets.

usage: management_load.py SERVER DATA_DIR [POSTGRES_URL PSQL]; only the standard library. Fails over 20 ms at the 99th
percentile. A deletion waits out the lease on purpose; that wait is subtracted.
"""

import base64
import hmac
import http.client
import json
import os
import sqlite3
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

ROUNDS = 300
LIMIT_MS = 20
LEASE_MS = 100
# A hundredth more, for clocks that run differently.
WAIT_MS = LEASE_MS * 1.01
SECRETS = 100_000
EXPIRED = 1_000
PER_APPLICATION = 10
NUMBERS = """CREATE TEMP TABLE numbers AS
    WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {count})
    SELECT n, '00000000-0000-4000-8000-' || substr(CAST(1000000000000 + n AS TEXT), 2) AS id FROM counted;"""
SEED = """BEGIN;
{numbers}
INSERT INTO applications (client_id, organisation_id, name, enabled)
    SELECT numbers.id, organisations.id, 'Partner-NL-Crowd' || n || '-SMC', TRUE
    FROM numbers, (SELECT id FROM organisations LIMIT 1) AS organisations WHERE n <= {applications};
INSERT INTO client_secrets
    (id, client_id, name, hint, digest, pepper_version, created_by, created_at, expires_at, status_index)
    SELECT numbers.id, owner.id, 'crowd', 'abc', {digest}, 1, 'load', {past}, {later}, next_status_index + numbers.n
    FROM numbers, numbers AS owner, change_counter
    WHERE numbers.n > {expired} AND owner.n = (numbers.n - {expired} - 1) / {per_application} + 1;
INSERT INTO client_secrets
    (id, client_id, name, hint, digest, pepper_version, created_by, created_at, expires_at, status_index)
    SELECT numbers.id, '{client_id}', 'old', 'abc', {digest}, 1, 'load', {past}, {past}, next_status_index + n
    FROM numbers, change_counter WHERE n <= {expired};
UPDATE change_counter SET next_status_index = next_status_index + {count} + 1;
COMMIT;
"""


def seed(client_id, data_dir, postgres):
    digest = "sha256(CAST(CAST(numbers.n AS TEXT) AS BYTEA))" if postgres else "randomblob(32)"
    script = SEED.format(
        numbers=NUMBERS.format(count=SECRETS),
        applications=(SECRETS - EXPIRED) // PER_APPLICATION,
        per_application=PER_APPLICATION,
        expired=EXPIRED,
        count=SECRETS,
        client_id=client_id,
        digest=digest,
        past="'2026-01-01 00:00:00'",
        later="'2099-01-01 00:00:00'",
    )
    if postgres:
        url, psql = postgres
        subprocess.run([psql, "-q", "-v", "ON_ERROR_STOP=1", url], input=script + "ANALYZE;", text=True, check=True)
    else:
        sqlite3.connect(os.path.join(data_dir, "wmda-auth.db")).executescript(script)


@contextmanager
def demo(server, data_dir, postgres):
    lease = {"WMDA_AUTH__CACHE__LEASE_MS": str(LEASE_MS), "WMDA_AUTH__CACHE__POLL_MS": "20"}
    lease["WMDA_AUTH__LIMITS__SECRETS_PER_HOUR"] = str(10 * ROUNDS)
    variables = {**os.environ, **lease, "RUST_LOG": "error"}
    if postgres:
        variables["WMDA_AUTH__DATABASE__URL"] = postgres[0]
    command = [server, "demo", "--json", "--port", "0", "--data-dir", data_dir]
    child = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE)
    try:
        yield json.loads(child.stdout.readline())
    finally:
        child.terminate()
        child.wait()


def totp(secret):
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30), "sha1")
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Manager:
    """The manager of the first client, signed in, on one connection."""

    def __init__(self, summary):
        self.client_id = summary["clients"][0]["client_id"]
        self.connection = http.client.HTTPConnection(urlsplit(summary["base_url"]).netloc)
        user = next(one for one in summary["users"] if self.client_id in one.get("applications", []))
        proof = {"email": user["email"], "password": user["password"], "totp": totp(user["totp_secret"])}
        self.token = ""
        self.token = self.ask("POST", "/session", 201, proof)[1]["token"]

    def ask(self, method, path, expected, body=None):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        began = time.perf_counter()
        self.connection.request(method, "/api/v1" + path, body and json.dumps(body), headers)
        answer = self.connection.getresponse()
        content = answer.read()
        took = time.perf_counter() - began
        if answer.status != expected:
            sys.exit(f"{method} {path}: {answer.status} {content.decode()}")
        return took * 1000, json.loads(content) if content else None

    def measure(self):
        """Milliseconds of each operation, round by round."""
        path = f"/applications/{self.client_id}/secrets"
        until = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 200 * 86400))
        times = {"create": [], "list": [], "list of active": [], "delete": []}
        for _ in range(ROUNDS):
            took, made = self.ask("POST", path, 201, {"name": "load", "expires_at": until})
            times["create"].append(took)
            times["list"].append(self.ask("GET", path, 200)[0])
            times["list of active"].append(self.ask("GET", f"{path}?status=active", 200)[0])
            took = self.ask("DELETE", f"{path}/{made['id']}", 204)[0]
            times["delete"].append(took - WAIT_MS)
        return times


def percentile(times, share):
    return sorted(times)[int(len(times) * share)]


def main(server, data_dir, *postgres):
    with demo(server, data_dir, postgres) as summary:
        manager = Manager(summary)
        few = manager.measure()
    seed(manager.client_id, data_dir, postgres)
    time.sleep(31)  # A code works once.
    with demo(server, data_dir, postgres) as summary:
        many = Manager(summary).measure()
    slow = False
    for operation, times in many.items():
        figures = {share: (percentile(few[operation], share), percentile(times, share)) for share in (0.5, 0.99)}
        said = ", ".join(
            f"p{share * 100:.0f} {after:.2f} ms (empty {before:.2f}, ratio {after / before:.2f})"
            for share, (before, after) in figures.items()
        )
        print(f"  {operation}: {said}")
        slow |= figures[0.99][1] > LIMIT_MS
    if slow:
        sys.exit(f"over {LIMIT_MS} ms at the 99th percentile")


main(*sys.argv[1:])
