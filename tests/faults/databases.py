"""A PostgreSQL that fails: killed, stopped, slow, read-only, out of connections."""

import signal
import subprocess
import time

from clients import Manager, Watch
from ground import until
from link import Link
from nodes import Node, Site
from postgres import Cluster, programs

# Within this time after the database is back, every node issues tokens.
BACK = 5.0
# The lease of the memory is over, and a poll has failed.
NOTICED = 2.5
# No client waits longer for an answer, whatever the database does.
ANSWERED = 3.0


def started(row, link=False):
    """A database, two nodes on it, a manager and clients."""
    cluster = Cluster(row)
    site = Site(row, cluster.url())
    way = Link(row, cluster.port) if link else None
    if way:
        site.database = f"postgres://postgres@127.0.0.1:{way.port}/postgres"
    nodes = [Node(site), Node(site)]
    manager = Manager(site, nodes[0])
    watch = Watch(site, nodes, manager)
    time.sleep(row.hold(5, 3))
    return cluster, way, site, nodes, watch


def finished(row, nodes, watch, tried=1):
    """What every fault has in common: nobody is told wrongly that a secret is wrong, nobody gets a token for a deleted one."""
    watch.end()
    tokens, refused = watch.violations()
    row.saw(f"longest outage {watch.outage():.1f} s; management: {told(watch.managed)}; {watch.tried_dead()} requests with deleted secrets: {tokens} tokens; {refused} refusals of live ones")
    row.expect(tokens == 0 and watch.tried_dead() >= tried, "no token for a deleted secret")
    row.expect(refused == 0, "no right secret is called wrong")
    row.heard(nodes[0].warnings())


def told(counter):
    return ", ".join(f"{counter[key]} × {key.replace(' 0', ' without an answer')}" for key in sorted(counter))


def outage(row, nodes, watch, harm, mend, seconds, during=(200, 503)):
    """The fault lasts so long; `mend` ends it."""
    before = len(nodes[0].warned())
    began = time.monotonic()
    harm()
    time.sleep(NOTICED)
    status, said = nodes[0].ready()
    settled = time.monotonic()
    time.sleep(seconds)
    mended_from = time.monotonic()
    mend()
    back = time.monotonic()
    again = watch.wait_again(back)
    until(10, lambda: all(node.is_ready() for node in nodes))
    row.saw(f"during the fault: {watch.counts(began, mended_from)}; slowest answer {watch.slowest(began, mended_from):.1f} s; tokens from every node {again:.1f} s after its end")
    row.heard(f"/readyz {status} “{said}”, and {nodes[0].ready()[0]} after it")
    # A request that began later may have waited for the end of it.
    row.expect(watch.only(during, settled, mended_from - ANSWERED / 2), "every answer is 503 meanwhile, none 401 or silence" if during == (503,) else "every request is answered, none 401")
    row.expect(watch.slowest(began, mended_from) <= ANSWERED, f"each within {ANSWERED:.0f} s")
    row.expect(again <= BACK, f"tokens again within {BACK:.0f} s")
    row.expect(all(node.is_ready() for node in nodes), "ready again without a restart")
    row.expect(len(nodes[0].warned()) - before <= 30, "no flood in the log")
    return status


def killed(row):
    seconds = row.hold(10, 3)
    row.did(f"PostgreSQL under two nodes: all of its processes killed with SIGKILL, started again {seconds} s later")
    cluster, _, _, nodes, watch = started(row)
    status = outage(row, nodes, watch, cluster.kill, cluster.start, seconds, (503,))
    row.expect(status == 503, "/readyz says 503")
    finished(row, nodes, watch)


def stopped(row):
    seconds = row.hold(10, 3)
    row.did(f"PostgreSQL under two nodes: stopped with SIGSTOP for {seconds} s")
    cluster, _, _, nodes, watch = started(row)
    status = outage(row, nodes, watch, lambda: cluster.signal(signal.SIGSTOP), lambda: cluster.signal(signal.SIGCONT), seconds, (503,))
    row.expect(status == 503, "/readyz says 503")
    finished(row, nodes, watch)


def slow(row):
    seconds = row.hold(10, 3)
    row.did(f"between two nodes and PostgreSQL, each packet takes 20 ms longer for {seconds} s, then 400 ms for {seconds} s")
    _, way, _, nodes, watch = started(row, link=True)
    began = time.monotonic()
    way.delay = 0.02
    time.sleep(seconds)
    slower = time.monotonic()
    row.saw(f"at 20 ms: {watch.counts(began, slower)}")
    row.expect(watch.only((200,), began, slower), "20 ms harm no token")

    def slow_down():
        way.delay = 0.4
    outage(row, nodes, watch, slow_down, way.restore, seconds)
    finished(row, nodes, watch)


def read_only(row):
    seconds = row.hold(10, 3)
    row.did(f"PostgreSQL under two nodes: `default_transaction_read_only` on for {seconds} s")
    cluster, _, _, nodes, watch = started(row)

    def allow():
        # The server itself can't be asked to write this down.
        cluster.reset("default_transaction_read_only")
    status = outage(row, nodes, watch, lambda: cluster.set("default_transaction_read_only", "on"), allow, seconds, (503,))
    row.expect(status == 503, "/readyz says 503")
    finished(row, nodes, watch)


def exhausted(row):
    seconds = row.hold(10, 4)
    row.did(f"PostgreSQL with 60 connections under two nodes: others take all that are free for {seconds} s; then those of the nodes are ended and their role gets none for {seconds} s, while a third node starts")
    cluster = Cluster(row)
    cluster.query("CREATE ROLE app LOGIN")
    cluster.query("CREATE DATABASE app OWNER app")
    site = Site(row, f"postgres://app@127.0.0.1:{cluster.port}/app")
    nodes = [Node(site), Node(site)]
    watch = Watch(site, nodes, Manager(site, nodes[0]))
    time.sleep(row.hold(5, 3))
    began = time.monotonic()
    others = [idle_session(row, site.database) for _ in range(70)]
    time.sleep(seconds)
    taken = sum(1 for one in others if one.poll() is None)
    row.saw(f"with all connections taken, {taken} of them by others: {watch.counts(began)}")
    row.expect(taken >= 30 and idle_session(row, site.database).wait(5) != 0, "nothing is left for anybody else")
    row.expect(watch.only((200,), began), "nodes go on with the connections that they have")
    late = Node(site, start=False, SERVER__START_WAIT_SECONDS="60")

    def end_theirs():
        late.launch()
        cluster.query("ALTER ROLE app CONNECTION LIMIT 0")
        cluster.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wmda-auth'")

    def leave():
        for one in others:
            one.kill()
            one.wait()
        cluster.query("ALTER ROLE app CONNECTION LIMIT -1")
    status = outage(row, nodes, watch, end_theirs, leave, seconds, (503,))
    row.expect(status == 503, "/readyz says 503")
    row.expect(until(10, late.is_ready), "a node that was started meanwhile waits and becomes ready")
    row.heard(f"the one that waited: {late.warnings()}")
    finished(row, nodes, watch)


def idle_session(row, url):
    command = [str(programs() / "psql"), "-qtAX", url]
    session = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    row.callback(session.kill)
    return session
