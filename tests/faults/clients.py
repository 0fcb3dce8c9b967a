"""Those who notice: clients that ask for tokens all the time, a manager who creates and deletes, and what they saw."""

import base64
import collections
import hashlib
import hmac
import http.client
import itertools
import json
import random
import struct
import threading
import time

PATIENCE = 5.0


class Connection:
    """To one node, kept while it works."""

    def __init__(self, port):
        self.port, self.kept = port, None

    def ask(self, method, path, body=None, headers={}, patience=PATIENCE):
        """Status and text; 0 where there is no answer."""
        if self.kept is None:
            self.kept = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        try:
            self.kept.request(method, path, body, headers)
            answer = self.kept.getresponse()
            text = answer.read().decode()
            if answer.will_close:
                self.drop()
            return answer.status, text
        except (OSError, http.client.HTTPException):
            self.drop()
            return 0, ""

    def drop(self):
        if self.kept:
            self.kept.close()
        self.kept = None

    def token(self, body):
        return self.ask("POST", "/oauth2/token", body, {"Content-Type": "application/x-www-form-urlencoded"})[0]


def code(secret):
    """What an authenticator shows now (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


class Manager:
    """The manager of an application, signed in once; a session holds on every node."""

    def __init__(self, site, node, client=0):
        self.site, self.client = site, client
        self.client_id = site.summary["clients"][client]["client_id"]
        user = next(user for user in site.summary["users"] if self.client_id in user.get("applications", []))
        body = {"email": user["email"], "password": user["password"], "totp": code(user["totp_secret"])}
        status, text = Connection(node.port).ask("POST", "/api/v1/session", json.dumps(body), {"Content-Type": "application/json"})
        if status != 201:
            raise RuntimeError(f"sign-in: {status} {text}")
        self.headers = {"Authorization": f"Bearer {json.loads(text)['token']}", "Content-Type": "application/json"}
        self.secrets = f"/api/v1/applications/{self.client_id}/secrets"

    def create(self, connection, name="fault"):
        expires = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 20 * 86400))
        status, text = connection.ask("POST", self.secrets, json.dumps({"name": name, "expires_at": expires}), self.headers)
        if status != 201:
            return status, None
        made = json.loads(text)
        return status, Secret(f"{self.secrets}/{made['id']}", self.site.body(self.client, made["secret"]))

    def delete(self, connection, secret):
        return connection.ask("DELETE", secret.path, None, self.headers, 10)[0]

    def suspend(self, connection, secret, until):
        return connection.ask("PATCH", secret.path, json.dumps({"suspended_until": until}), self.headers, 10)[0]


class Secret:
    def __init__(self, path, body):
        self.path, self.body, self.dying, self.dead = path, body, None, None


Seen = collections.namedtuple("Seen", "began ended node secret status")


class Watch:
    """Clients at every node in turn, from now until `end`."""

    def __init__(self, site, nodes, manager=None, workers=4, pause=0.02, keep=True, manage=None):
        self.nodes, self.pause, self.keep = nodes, pause, keep
        self.live = Secret(None, site.body())
        self.made, self.seen, self.managed = [], [], collections.Counter()
        self.stop, self.began = threading.Event(), time.monotonic()
        self.threads = [threading.Thread(target=self.ask, args=(number,)) for number in range(workers)]
        if manager:
            managed = manage or nodes
            self.threads += [threading.Thread(target=self.rotate, args=(manager, managed, number)) for number in range(2)]
        site.row.callback(self.end)
        for thread in self.threads:
            thread.start()

    def ask(self, number):
        connections = [Connection(node.port) for node in self.nodes]
        for turn in itertools.count(number):
            if self.stop.is_set():
                return
            node = turn % len(self.nodes)
            # Half of them ask with what lives; the others with what was made, and may be dead.
            recent = self.made[-12:]
            secret = random.choice(recent) if recent and number % 2 else self.live
            began = time.monotonic()
            status = connections[node].token(secret.body)
            self.seen.append(Seen(began, time.monotonic(), node, secret, status))
            if not self.keep:
                connections[node].drop()
            self.stop.wait(self.pause)

    def rotate(self, manager, nodes, number):
        connections = [Connection(node.port) for node in nodes]
        for turn in itertools.count(number):
            if self.stop.is_set():
                return
            at = connections[turn % len(nodes)]
            status, secret = manager.create(at)
            self.managed[f"create {status}"] += 1
            if secret is None:
                self.stop.wait(0.2)
                continue
            self.made.append(secret)
            self.stop.wait(random.uniform(0.1, 0.5))
            secret.dying = time.monotonic()
            for again in itertools.count(turn):
                status = manager.delete(connections[again % len(nodes)], secret)
                self.managed[f"delete {status}"] += 1
                if status == 204:
                    secret.dead = time.monotonic()
                if status in (204, 404) or self.stop.is_set():
                    break
                self.stop.wait(0.2)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        return self

    def of(self, since=0.0, before=float("inf"), node=None):
        return [one for one in list(self.seen) if since <= one.began < before and node in (None, one.node)]

    def violations(self):
        """Tokens by requests that began after a DELETE's answer, and refusals of what lived the whole time."""
        tokens = [one for one in self.seen if one.status == 200 and one.secret.dead and one.began > one.secret.dead]
        refused = [one for one in self.seen if one.status in (400, 401) and not (one.secret.dying and one.secret.dying <= one.ended)]
        return len(tokens), len(refused)

    def tried_dead(self):
        return sum(1 for one in self.seen if one.secret.dead and one.began > one.secret.dead)

    def counts(self, since=0.0, before=float("inf"), node=None):
        """Of the requests with the secret that lives."""
        seen = collections.Counter(one.status for one in self.of(since, before, node) if one.secret is self.live)
        return ", ".join(f"{seen[status]} × {status or 'no answer'}" for status in sorted(seen, key=lambda s: (s != 200, s))) or "nothing"

    def only(self, statuses, since=0.0, before=float("inf"), node=None):
        return all(one.status in statuses for one in self.of(since, before, node) if one.secret is self.live)

    def slowest(self, since=0.0, before=float("inf")):
        return max((one.ended - one.began for one in self.of(since, before)), default=0.0)

    def outage(self, node=None, since=0.0):
        """The longest time without a token, in seconds: of any node, or of this."""
        numbers = range(len(self.nodes)) if node is None else [node]
        return max(self.gap(number, since) for number in numbers)

    def gap(self, node, since):
        good = sorted(one.ended for one in self.of(since, node=node) if one.status == 200 and one.secret is self.live)
        edges = [max(since, self.began), *good, time.monotonic() if not self.stop.is_set() else max(one.ended for one in self.seen)]
        return max(later - earlier for earlier, later in zip(edges, edges[1:]))

    def again(self, since, node=None):
        """Seconds from an instant until every node has issued a token; infinite where one has not."""
        numbers = range(len(self.nodes)) if node is None else [node]
        def first(number):
            good = [one.ended for one in self.of(since, node=number) if one.status == 200 and one.secret is self.live]
            return min(good, default=float("inf")) - since
        return max(map(first, numbers))

    def wait_again(self, since, seconds=20.0, node=None):
        end = time.monotonic() + seconds
        while self.again(since, node) == float("inf") and time.monotonic() < end:
            time.sleep(0.1)
        return self.again(since, node)
