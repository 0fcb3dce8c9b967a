"""The server's own end: killed, told to stop, restarted behind balancers, of two versions; and what it bears."""

import collections
import concurrent.futures
import contextlib
import itertools
import json
import os
import pathlib
import random
import re
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time

from clients import Connection, Manager, Watch
from databases import finished
from files import certificate
from ground import until
from nodes import Node, SETTINGS, Site
from postgres import Cluster

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The shortest: a deletion is answered after it.
SHORT_LEASE = {"CACHE__LEASE_MS": "100", "CACHE__POLL_MS": "50"}


class Ledger:
    """What was acknowledged to managers, who keep their secrets few."""

    def __init__(self, manager, node):
        self.manager, self.node = manager, node
        self.living, self.gone, self.created, self.deleted = [], [], 0, 0
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.work) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def work(self):
        connection, mine = Connection(self.node.port), []
        while not self.stop.is_set():
            if len(mine) < 2:
                secret = self.manager.create(connection)[1]
                if secret:
                    mine.append(secret)
                    self.living.append(secret)
                    self.created += 1
            else:
                secret = mine.pop(0)
                # From now on it may be dead, whatever is answered.
                self.living.remove(secret)
                if self.manager.delete(connection, secret) == 204:
                    self.gone.append(secret)
                    self.deleted += 1
            if connection.kept is None:
                time.sleep(0.02)

    def lost(self):
        """Acknowledged creations that are refused, and acknowledged deletions that get a token."""
        connection = Connection(self.node.port)
        refused = [secret for secret in self.living if connection.token(secret.body) != 200]
        revived = [secret for secret in self.gone if connection.token(secret.body) == 200]
        return len(refused), len(revived)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def killed(row):
    times = row.options.kills
    row.did(f"one node, on SQLite and then on PostgreSQL, killed with SIGKILL {times // 2} times each while four managers create and delete")
    for kind, database in [("SQLite", None), ("PostgreSQL", Cluster(row).url())]:
        site = Site(row, database, settings=SETTINGS | SHORT_LEASE)
        node = Node(site)
        ledger = Ledger(Manager(site, node), node)
        row.callback(ledger.end)
        for _ in range(times // 2):
            time.sleep(random.uniform(0.05, 0.6))
            node.kill()
            node.start()
        ledger.end()
        refused, revived = ledger.lost()
        row.saw(f"{kind}: {ledger.created} creations and {ledger.deleted} deletions acknowledged over {times // 2} kills; {refused} creations and {revived} deletions lost")
        row.expect(ledger.created >= times // 4 and ledger.deleted >= times // 8, f"{kind}: enough happens")
        row.expect(refused == revived == 0, f"{kind}: nothing acknowledged is lost")
        audit = site.command("admin", "verify-audit")
        row.heard(f"`verify-audit` on {kind}: {(audit.stdout + audit.stderr).strip().splitlines()[-1]}")
        row.expect(audit.returncode == 0, f"{kind}: the audit trail is whole")
        node.kill()


def terminated(row):
    times = row.hold(20, 3)
    row.did(f"a node on SQLite with `server.drain_seconds` 2 under load from six clients that leave when `/readyz` no longer says 200, as balancers do, asked every 200 ms; SIGTERM {times} times")
    site = Site(row)
    node = Node(site, SERVER__DRAIN_SECONDS="2")
    ends, codes, took, said = collections.Counter(), set(), [], set()
    for _ in range(times):
        left = threading.Event()
        threads = [threading.Thread(target=ask_until, args=(left, node.port, site.body(), ends)) for _ in range(6)]
        threads.append(threading.Thread(target=watch_readiness, args=(left, node, said)))
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        code, seconds = node.terminate()
        for thread in threads:
            thread.join()
        codes.add(code)
        took.append(seconds)
        node.start()
    row.saw(", ".join(f"{ends[end]} × {end}" for end in sorted(ends)))
    row.heard(f"/readyz {'; '.join(sorted(said))}; exit codes {sorted(codes)}, after {max(took):.1f} s at most")
    row.expect(set(ends) == {"answered"}, "no request is lost")
    row.expect(codes == {0} and max(took) < 10, "exit code 0 within ten seconds")


def ask_until(left, port, body, ends):
    while not left.is_set():
        ends[one_request(port, body)] += 1


def watch_readiness(left, node, said):
    while not left.is_set():
        status, text = node.ready()
        if status != 200:
            said.add(f"{status} “{text}”")
            left.set()
        time.sleep(0.2)


def one_request(port, body):
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    except OSError:
        return "refused"
    with connection:
        head = f"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        try:
            connection.sendall((head + body).encode())
            return "answered" if connection.recv(4096).startswith(b"HTTP/1.1 200") else "broken"
        except OSError:
            return "broken"


def rolling(row):
    row.did("two nodes behind HAProxy and then behind nginx, by the published configurations; eight clients; each node restarted in turn (`tests/operations/site.py`)")
    site = Site(row)
    environment = os.environ | {"WMDA_AUTH": row.options.binary, "WMDA_AUTH_DEMO": json.dumps(site.summary)}
    outcome = subprocess.run([sys.executable, str(ROOT / "tests/operations/site.py")], env=environment, capture_output=True, text=True)
    lost = re.findall(r"(haproxy|nginx): (\d+) requests .*, (\d+) lost", outcome.stdout)
    for balancer, asked, missing in lost:
        row.saw(f"{balancer}: {asked} requests, {missing} lost")
    row.heard(outcome.stderr.strip()[-300:])
    row.expect(len(lost) == 2 and all(missing == "0" for *_, missing in lost), "no request is lost")


def idle_connections(row):
    count, seconds = row.hold(10_000, 1_000), row.hold(20, 5)
    row.did(f"{count:,} connections from ten addresses, each with one request, then idle for {seconds} s (`limits.connections` 12,000), while others ask for tokens")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit < count + 2_000:
        raise RuntimeError(f"{count:,} connections need `ulimit -n {count + 2_000}`; it is {limit:,}")
    site = Site(row)
    node = Node(site, LIMITS__CONNECTIONS="12000")
    watch = Watch(site, [node], Manager(site, node))
    time.sleep(3)
    memory, descriptors = node.memory(), node.descriptors()
    began = time.monotonic()
    with contextlib.ExitStack() as open_ones:
        idle = []
        for number in range(count):
            idle.append(open_ones.enter_context(socket.create_connection(("127.0.0.1", node.port), 10, (f"127.0.0.{2 + number % 10}", 0))))
            idle[-1].sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            if not idle[-1].recv(2048).startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"connection {number} was not served")
        held_from = time.monotonic()
        time.sleep(seconds)
        still = sum(1 for one in idle if is_open(one))
        memory_with, descriptors_with = node.memory(), node.descriptors()
    after = time.monotonic()
    closed = until(10, lambda: node.descriptors() <= descriptors + 20)
    row.saw(f"{still:,} of {count:,} still open at the end; others meanwhile: {watch.counts(held_from, after)}, slowest {watch.slowest(held_from, after):.2f} s")
    row.heard(f"memory {memory:.0f} → {memory_with:.0f} MiB, descriptors {descriptors} → {descriptors_with} → {node.descriptors()}")
    row.expect(still == count, "all stay open")
    row.expect(watch.only((200,), began) and watch.slowest(held_from, after) <= 1, "others get every token within a second")
    row.expect((memory_with - memory) * 1024 / count <= 24, "at most 24 KiB for each")
    row.expect(closed, "nothing is left of them")
    finished(row, [node], watch)


def is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def clocks(row):
    library = os.environ.get("WMDA_AUTH_TEST_FAKETIME") or f"/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketimeMT.so.1"
    row.did("two nodes on PostgreSQL; the wall clock of the second an hour ahead, right again, an hour behind, right again")
    site = Site(row, Cluster(row).url())
    file = site.folder / "clock"
    file.write_text("+0")
    off = Node(site, LD_PRELOAD=library, FAKETIME_TIMESTAMP_FILE=str(file), FAKETIME_CACHE_DURATION="1", FAKETIME_DONT_FAKE_MONOTONIC="1")
    nodes = [Node(site), off]
    watch = Watch(site, nodes, Manager(site, nodes[0]), manage=nodes[:1])
    time.sleep(3)
    for hour in ("+3600", "-3600"):
        file.write_text(hour)
        noticed = until(8, lambda: off.ready()[0] == 503)
        status, said = off.ready()
        skew = off.metric("wmda_auth_clock_skew_seconds")
        time.sleep(row.hold(8, 2))
        row.heard(f"{hour} s: /readyz {status} “{said}”, `wmda_auth_clock_skew_seconds` {skew:.0f}")
        row.expect(noticed and abs(skew - int(hour)) < 5, f"{hour} s: not ready within eight seconds, and measured")
        row.expect(nodes[0].is_ready(), f"{hour} s: the other node stays ready")
        file.write_text("+0")
        row.expect(until(8, off.is_ready), f"{hour} s: ready again within eight seconds of the clock being right")
    row.saw(f"at the right node: {watch.counts(node=0)}; at the other, which balancers leave: {watch.counts(node=1)}")
    row.expect(watch.only((200,), node=0), "the right node issues all the while")
    row.expect(len(off.warned()) >= 2, "the log warns")
    row.heard(off.warnings())
    finished(row, nodes, watch)


def two_versions(row):
    previous = row.options.previous
    if not previous:
        raise RuntimeError("--previous BINARY is missing")
    version = subprocess.run([previous, "--version"], capture_output=True, text=True).stdout.strip() or "0.1.0"
    row.did(f"PostgreSQL filled by version 0.1 ({version}); a node of it serves while a node of this version starts beside it and migrates; managers work at both; then the old one is told to stop, and started again")
    # 0.1 does not know these.
    newer = {"LIMITS__SECRETS_PER_HOUR", "SERVER__DRAIN_SECONDS"}
    site = Site(row, Cluster(row).url(), previous, {name: value for name, value in SETTINGS.items() if name not in newer})
    old = Node(site)
    manager = Manager(site, old)
    new = Node(site, row.options.binary, start=False, LIMITS__SECRETS_PER_HOUR="1000000")
    watch = Watch(site, [old, new], manager, manage=[old])
    time.sleep(3)
    began = time.monotonic()
    new.start()
    started = time.monotonic()
    watch.wait_again(started)
    both = Watch(site, [old, new], manager)
    time.sleep(row.hold(30, 10))
    both.end()
    before_stop = time.monotonic()
    row.saw(f"the old node while the new one migrates: {watch.counts(began, started, node=0)}; then the old one {watch.counts(started, before_stop, node=0)}, the new one {watch.counts(started, before_stop, node=1)}")
    row.expect(watch.only((200,), before=before_stop, node=0), "the old node issues all the while")
    row.expect(watch.only((200,), started, before_stop, node=1), "the new one from its start on")
    watch.end()
    tokens, refused = both.violations()
    row.saw(f"with managers at both: {both.tried_dead()} requests with deleted secrets: {tokens} tokens; {refused} refusals of live ones")
    row.expect(both.tried_dead() > 20 and tokens == 0, "a deletion by either holds at both")
    row.expect(refused == 0, "a secret of either works at both")
    code, _ = old.terminate()
    row.heard(f"the old one ends with {code}")
    old.launch()
    row.expect(old.process.wait(20) != 0, "started again, the old version refuses the migrated database")
    row.heard(old.log.read_text().strip().splitlines()[-1][:200])
    finished(row, [new], watch)


def exits(row):
    times = row.hold(1_000, 20)
    row.did(f"`check` and `admin list organisations` against PostgreSQL over TLS, {times:,} runs in all, four at a time")
    cluster = Cluster(row)
    certificate(cluster.data)
    cluster.run("/usr/bin/chmod", "600", cluster.data / "tls.key", check=False)
    subprocess.run(["chown", "--reference", cluster.data, cluster.data / "tls.key", cluster.data / "tls.crt"], check=True)
    cluster.configure("ssl = on\nssl_cert_file = 'tls.crt'\nssl_key_file = 'tls.key'\n")
    cluster.stop()
    cluster.start()
    site = Site(row, cluster.url() + "?sslmode=require")
    asked = itertools.cycle([("check",), ("admin", "list", "organisations")])
    with concurrent.futures.ThreadPoolExecutor(4) as four:
        outcomes = list(four.map(lambda _: site.command(*next(asked), SERVER__BIND="127.0.0.1:0"), range(times)))
    ends = collections.Counter(outcome.returncode for outcome in outcomes)
    encrypted = cluster.query("SELECT setting FROM pg_settings WHERE name = 'ssl'")
    row.heard("; ".join({outcome.stderr.strip()[-200:] for outcome in outcomes if outcome.returncode}))
    row.saw(f"exit codes: {', '.join(f'{count:,} × {code}' for code, count in sorted(ends.items()))}")
    row.expect(encrypted == "on" and set(ends) == {0}, "each ends with 0; none is ended by a signal")


def soak(row):
    minutes = row.options.soak
    row.did(f"two nodes on PostgreSQL for {minutes:g} minutes: tokens, wrong secrets, creations and deletions without a pause")
    site = Site(row, Cluster(row).url())
    nodes = [Node(site), Node(site)]
    watch = Watch(site, nodes, Manager(site, nodes[0]))
    samples, began = [], time.monotonic()
    while time.monotonic() < began + minutes * 60:
        samples.append([(node.memory(), node.descriptors()) for node in nodes])
        time.sleep(min(5.0, minutes))
    for number, node in enumerate(nodes):
        memory = quarters([sample[number][0] for sample in samples])
        descriptors = quarters([sample[number][1] for sample in samples])
        row.heard(f"node {number + 1}: memory by quarters {', '.join(f'{one:.1f}' for one in memory)} MiB; descriptors {', '.join(f'{one:.0f}' for one in descriptors)}")
        # The first quarter fills caches.
        row.expect(memory[3] <= memory[1] * 1.05 + 4, f"node {number + 1}: memory is flat")
        row.expect(descriptors[3] <= descriptors[1] + 5, f"node {number + 1}: descriptors are flat")
    row.saw(f"{len(watch.seen)} requests for tokens; the secret that lives: {watch.counts()}; slowest {watch.slowest():.2f} s")
    row.expect(watch.only((200,)), "not one failure")
    finished(row, nodes, watch)


def quarters(values):
    size = max(1, len(values) // 4)
    return [statistics.median(values[number * size:(number + 1) * size] or values[-1:]) for number in range(4)]
