"""Another PostgreSQL takes over, in four ways; synchronous replication, and two nodes that delete all the time."""

import signal
import time

from clients import Manager, Watch
from databases import ANSWERED, BACK, finished
from ground import until
from link import Link
from nodes import Node, Site
from postgres import Cluster

LEASE = 0.5


class Pair:
    """A primary with a synchronous standby, and two nodes with links of their own to both."""

    def __init__(self, row):
        self.old = Cluster(row)
        self.replication = Link(row, self.old.port)
        self.new = self.old.standby(self.replication)
        self.site = Site(row, url(self.old.port, self.new.port))
        self.old.set("synchronous_standby_names", "'*'")
        self.old.is_followed()
        self.links = [[Link(row, server.port) for server in (self.old, self.new)] for _ in range(2)]
        self.nodes = [Node(self.site, DATABASE__URL=url(*(link.port for link in links))) for links in self.links]
        # A beat sees the standby.
        time.sleep(2.5)
        self.watch = Watch(self.site, self.nodes, Manager(self.site, self.nodes[0]))
        time.sleep(row.hold(8, 4))

    def again(self, promoted, node=None):
        """Seconds from the promotion to tokens; what memory answers under the last lease is none of them."""
        return self.watch.wait_again(promoted + LEASE, node=node) + LEASE

    def finish(self, row, since, promoted):
        """What holds after each failover, `since` being when the fault began."""
        again = self.again(promoted)
        time.sleep(row.hold(10, 4))
        row.saw(f"{self.watch.counts(since)}; tokens from every node {again:.1f} s after the promotion")
        row.expect(again <= BACK, f"tokens from every node within {BACK:.0f} s of the promotion")
        row.expect(self.watch.only((200, 503), since), "every request is answered, with a token or 503")
        row.expect(self.watch.slowest(since) <= ANSWERED, f"each within {ANSWERED:.0f} s")
        row.heard(f"/readyz {', '.join(str(node.ready()[0]) for node in self.nodes)} at the end")
        finished(row, self.nodes, self.watch, tried=20)


def url(*ports):
    return f"postgres://postgres@{','.join(f'127.0.0.1:{port}' for port in ports)}/postgres"


def switchover(row):
    row.did("two nodes, a primary with a synchronous standby; the primary is stopped, the standby promoted, and the old primary returns as its standby, where replay is then paused")
    pair = Pair(row)
    began = time.monotonic()
    pair.old.stop()
    pair.new.promote()
    promoted = time.monotonic()
    pair.old.follow(pair.new)
    pair.old.start()
    pair.new.is_followed("async")
    # What is deleted from now on the old primary does not hear of.
    pair.old.query("SELECT pg_wal_replay_pause()")
    pair.finish(row, began, promoted)


def crash(row):
    row.did("two nodes, a primary with a synchronous standby; the primary is killed with SIGKILL and the standby promoted")
    pair = Pair(row)
    began = time.monotonic()
    pair.old.kill()
    time.sleep(row.hold(3, 1))
    pair.new.promote()
    pair.finish(row, began, time.monotonic())


def hang(row):
    row.did("two nodes, a primary with a synchronous standby; the primary is stopped with SIGSTOP and the standby promoted; a third node starts meanwhile; then the old primary is continued")
    pair = Pair(row)
    began = time.monotonic()
    pair.old.signal(signal.SIGSTOP)
    late = Node(pair.site, start=False, SERVER__START_WAIT_SECONDS="60")
    time.sleep(row.hold(3, 2))
    late.launch()
    pair.new.promote()
    promoted = time.monotonic()
    pair.again(promoted)
    row.expect(until(BACK, late.is_ready), "a node that was started meanwhile becomes ready, too")
    pair.old.signal(signal.SIGCONT)
    pair.finish(row, began, promoted)


def split_brain(row):
    row.did("two nodes, a primary with a synchronous standby; the standby is cut off from the primary and promoted; node 2 reaches the new primary alone, node 1 for a while the old one alone, then both")
    pair = Pair(row)
    began = time.monotonic()
    pair.replication.cut()
    pair.links[0][1].cut()
    pair.links[1][0].cut()
    pair.new.promote()
    promoted = time.monotonic()
    second = pair.again(promoted, node=1)
    # Longer than a lease: node 1 and its database believe that they are the ones.
    time.sleep(row.hold(12, 4))
    alone = pair.watch.of(promoted + 1.0, node=0)
    status, said = pair.nodes[0].ready()
    row.saw(f"the node of the new primary: tokens after {second:.1f} s; the one of the old primary: {pair.watch.counts(promoted + 1.0, node=0)}")
    row.heard(f"/readyz of the cut-off node {status} “{said}”")
    row.expect(second <= BACK, f"the node that reaches the new primary issues within {BACK:.0f} s")
    row.expect(alone and not any(one.status == 200 for one in alone) and status == 503, "the cut-off one issues nothing and is not ready")
    for links in pair.links:
        links[0].cut()
        links[1].restore()
    pair.finish(row, began, time.monotonic())
