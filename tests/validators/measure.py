"""Runs each API of this folder against a running demo and shows what it makes of a good token, of bad ones, and of the
tokens of a secret that is deleted meanwhile, and what it does when the server is gone: a table on standard output, exit code 1 when a promise is not kept.

`cargo xtask validators` builds the APIs and starts it. WMDA_AUTH_DEMO is the demo's line of JSON, DEMO_PID its
process, BUILT the folder with what was built.
"""

import base64
import datetime
import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import jwt
import pyotp
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm

DEMO = json.loads(os.environ["WMDA_AUTH_DEMO"])
URL, TENANT, CA = DEMO["base_url"], DEMO["tenant_id"], DEMO["ca_file"]
# For every request of this program.
os.environ["REQUESTS_CA_BUNDLE"] = CA
BUILT, DEMO_PID = Path(os.environ["BUILT"]), int(os.environ["DEMO_PID"])
RESOURCES = {"ES256": "f6d78a69-c840-46a2-941b-a0e08f9296e7", "RS256": "4ff9e943-41d7-4430-b1cf-5502b9440601"}
ROLES = {"ES256": "Search.Read", "RS256": "Data.Upload"}
ROUTES = {"standard": "/oauth2/token", "v1": f"/{TENANT}/oauth2/token", "v2": f"/{TENANT}/oauth2/v2.0/token"}
STATUS_LIST_TTL, STATUS_LIST_LIFETIME = 10.0, 60.0


@dataclass
class Api:
    """A validator; `asks` says whether it asks the server about each token, `proves` whether it checks DPoP proofs."""

    name: str
    command: list
    asks: bool = False
    proves: bool = False
    files: tuple = ()
    environment: dict = field(default_factory=dict)


def apis():
    python, java = str(BUILT / "venv/bin/python"), ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    trust = [f"-Djavax.net.ssl.trustStore={trust_store()}", "-Djavax.net.ssl.trustStorePassword=changeit"]
    uvicorn = [python, "-m", "uvicorn", "--app-dir", str(BUILT / "python")]
    nginx = ["/usr/sbin/nginx", "-p", "{WORK_DIR}", "-c", "{WORK_DIR}/api.conf", "-g", "daemon off;"]
    return [
        Api("Rust, verifier crate", [os.environ["RUST_API"]], proves=True),
        Api("Node, jose, Express", ["node", str(BUILT / "node/api-express.mjs")], proves=True),
        Api("Node, jose, Fastify", ["node", str(BUILT / "node/api-fastify.mjs")], proves=True),
        Api("Python, PyJWT, FastAPI", [*uvicorn, "api_fastapi:api", "--port", "{PORT}"]),
        Api("Python, joserfc", [python, str(BUILT / "python/api_joserfc.py")]),
        Api("Go, golang-jwt, net/http", [str(BUILT / "go/api")]),
        Api("Java, Spring Security", [*java, *trust, "-jar", str(BUILT / "spring/target/api.jar")], proves=True),
        Api("Apache, mod_auth_openidc", ["/usr/sbin/apache2", "-X", "-f", str(BUILT / "apache/api.conf")], asks=True),
        # nginx compares a certificate with names only, never with addresses.
        Api("nginx, njs", nginx, asks=True, files=("nginx/api.conf", "nginx/introspection.js"),
            environment={"PUBLIC_URL": URL.replace("127.0.0.1", "localhost")}),
    ]


def trust_store():
    path = BUILT / "trust.p12"
    path.unlink(missing_ok=True)
    command = ["keytool", "-importcert", "-noprompt", "-alias", "demo", "-file", CA, "-keystore", str(path)]
    subprocess.run([*command, "-storepass", "changeit", "-storetype", "PKCS12"], check=True, capture_output=True)
    return path


def proof(key, method, url, token=None, **changes):
    """RFC 9449 §4.2; `token` is what it is presented with."""
    claims = {"jti": uuid.uuid4().hex, "htm": method, "htu": url, "iat": int(time.time())}
    if token:
        claims["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    header = {"typ": "dpop+jwt", "jwk": json.loads(ECAlgorithm.to_jwk(key.public_key()))}
    return jwt.encode(claims | changes, key, "ES256", headers=header)


class Tokens:
    """Tokens of two secrets, one that lives and one that is to be deleted, and forged ones that differ in one thing."""

    def __init__(self, manager, algorithm):
        self.algorithm, self.manager = algorithm, manager
        self.client = next(c for c in DEMO["clients"] if RESOURCES[algorithm] in c["resources"])
        self.good = {route: self.issued(route, self.client["client_secret"]) for route in ROUTES}
        self.doomed = self.new_secret()
        self.ending = {route: self.issued(route, self.doomed["secret"]) for route in ROUTES}
        now = int(time.time())
        past = {"iat": now - 7200, "nbf": now - 7500, "exp": now - 120}
        foreign = {"aud": "577a3074-a64c-44e5-b394-bf40eb53413a"}
        self.bad = {
            "expired": [self.changed(token, past) for token in self.good.values()],
            "foreign audience": [self.changed(token, foreign) for token in self.good.values()],
            "foreign issuer": [self.changed(token, {"iss": "https://evil.example"}) for token in self.good.values()],
        }
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.bound = {
            route: self.issued(route, self.client["client_secret"], proof(self.key, "POST", URL + path))
            for route, path in ROUTES.items()
        }

    def issued(self, route, secret, proof=None):
        form = {"grant_type": "client_credentials", "client_id": self.client["client_id"], "client_secret": secret}
        resource = RESOURCES[self.algorithm]
        form |= {"scope": f"{resource}/.default"} if route == "v2" else {"resource": resource}
        headers = {"DPoP": proof} if proof else {}
        answer = requests.post(URL + ROUTES[route], data=form, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.json()["access_token"]

    def changed(self, token, changes):
        """The token with other claims, under the server's own key."""
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False}) | changes
        paths = Path(DEMO["data_dir"]).glob(f"keys/{self.algorithm.lower()}_*.pem")
        key = load_pem_private_key(next(paths).read_bytes(), None)
        return jwt.encode(claims, key, self.algorithm, headers=header)

    @property
    def secrets_url(self):
        return f"{URL}/api/v1/applications/{self.client['client_id']}/secrets"

    def new_secret(self):
        expiry = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=9)).date().isoformat()
        form = {"name": f"validators {time.time_ns()}", "expires_at": expiry}
        answer = self.manager.post(self.secrets_url, json=form, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def delete_secret(self):
        """Answers the instant of the answer."""
        answer = self.manager.delete(f"{self.secrets_url}/{self.doomed['id']}", timeout=10)
        assert answer.status_code == 204, answer.text
        return time.monotonic()


class Backend(http.server.BaseHTTPRequestHandler):
    """What stands behind Apache and nginx."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Running:
    """An API, started for one resource."""

    def __init__(self, api, algorithm, backend):
        self.api, self.algorithm = api, algorithm
        self.dir = Path(tempfile.mkdtemp(prefix="wmda-auth-validator-"))
        self.dir.chmod(0o755)
        # The demo's folder is readable by its owner only, and Apache is somebody else.
        self.authority = shutil.copy(CA, self.dir / "ca.pem")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment = self.environment(backend)
        for name in api.files:
            text = re.sub(r"\$\{(\w+)\}", lambda found: environment[found[1]], (BUILT / name).read_text())
            (self.dir / Path(name).name).write_text(text)
        known = {"{WORK_DIR}": str(self.dir), "{PORT}": str(self.port)}
        command = [re.sub(r"{\w+}", lambda found: known[found[0]], part) for part in api.command]
        self.log = (self.dir / "log").open("w")
        self.process = subprocess.Popen(
            command, env=os.environ | environment, cwd=self.dir, stdout=self.log, stderr=self.log
        )

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def environment(self, backend):
        resource = RESOURCES[self.algorithm]
        server = next(s for s in DEMO["resource_servers"] if s["resources"] == [resource])
        basic = f"{server['client_id']}:{server['client_secret']}".encode()
        names = ("CA_FILE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
        return dict.fromkeys(names, str(self.authority)) | {
            "PUBLIC_URL": URL, "TENANT": TENANT, "AUDIENCE": resource, "ALGORITHM": self.algorithm,
            "ROLE": ROLES[self.algorithm], "PORT": str(self.port), "API_URL": self.url, "BACKEND": backend, "WORK_DIR": str(self.dir),
            "RESOURCE_SERVER_ID": server["client_id"], "RESOURCE_SERVER_SECRET": server["client_secret"],
            "INTROSPECTION_BASIC": base64.b64encode(basic).decode(), "NO_PROXY": "127.0.0.1",
        } | self.api.environment

    def ask(self, token, proof=None):
        scheme = "DPoP" if proof else "Bearer"
        headers = {"Authorization": f"{scheme} {token}"} if token else {}
        headers |= {"DPoP": proof} if proof else {}
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/", headers=headers, timeout=15).status_code
        except requests.RequestException:
            return "no answer"

    def wait(self, good):
        """Until it is at work: all start at once, and each gives up a fetch of keys that takes two seconds."""
        for _ in range(1200):
            if self.process.poll() is not None:
                break
            if self.ask(None) == 401 and self.ask(good) == 200:
                return self
            time.sleep(0.1)
        raise SystemExit(f"{self.api.name} did not start:\n{self.said()}")

    def said(self):
        logs = [self.dir / "log", self.dir / "error.log"]
        return "\n".join(log.read_text() for log in logs if log.exists())[-3000:]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def clean(self):
        shutil.rmtree(self.dir, ignore_errors=True)


class Introspection:
    """The server's own answer, in the shape of an API."""

    def __init__(self, algorithm):
        self.api, self.algorithm = Api("introspection, asked directly", [], asks=True), algorithm
        resource = RESOURCES[algorithm]
        server = next(s for s in DEMO["resource_servers"] if s["resources"] == [resource])
        self.auth = (server["client_id"], server["client_secret"])

    def ask(self, token):
        answer = requests.post(f"{URL}/oauth2/introspect", {"token": token}, auth=self.auth, timeout=10)
        answer.raise_for_status()
        return 200 if answer.json()["active"] else 401

    def wait(self, _):
        return self

    def said(self):
        return ""

    def stop(self):
        pass

    def clean(self):
        pass


def sign_in():
    person = next(user for user in DEMO["users"] if user["role"] == "credential_manager")
    form = {"email": person["email"], "password": person["password"], "totp": pyotp.TOTP(person["totp_secret"]).now()}
    answer = requests.post(f"{URL}/api/v1/session", json=form, timeout=10)
    answer.raise_for_status()
    manager = requests.Session()
    manager.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    return manager


def judged(running, tokens):
    """What it makes of tokens that don't change: the text of the cell, and whether it is right."""
    cells = {"good": cell([running.ask(token) for token in tokens.good.values()], 200)}
    for kind, bad in tokens.bad.items():
        cells[kind] = cell([running.ask(token) for token in bad], 401)
    if not isinstance(running, Introspection):
        cells |= proven(running, tokens)
    else:
        cells |= dict.fromkeys(PROVEN, ("", True))
    # From here on the list of the secret's status is cached, as in an API at work.
    cells["before deletion"] = cell([running.ask(token) for token in tokens.ending.values()], 200)
    return cells


PROVEN = ("bound, alone", "bound, proven", "bad proofs")


def proven(running, tokens):
    """What it makes of tokens that are bound to a key: without a proof, with one, and with bad ones."""
    url, key = f"{running.url}/", tokens.key
    alone = [running.ask(token) for token in tokens.bound.values()]
    if not running.api.proves:
        asked = [running.ask(token, proof(key, "GET", url, token)) for token in tokens.bound.values()]
        return dict(zip(PROVEN, (cell(alone, 401), cell(asked, 401), ("", True))))
    good = {token: proof(key, "GET", url, token) for token in tokens.bound.values()}
    let_in = [running.ask(token, good[token]) for token in good]
    thief, token = ec.generate_private_key(ec.SECP256R1()), tokens.bound["standard"]
    bad = [
        good[token],  # used again
        proof(thief, "GET", url, token),
        proof(key, "POST", url, token),
        proof(key, "GET", f"{URL}/", token),
        proof(key, "GET", url, tokens.bound["v1"]),
        proof(key, "GET", url),
        proof(key, "GET", url, token, iat=int(time.time()) - 3600),
        proof(key, "GET", url, token, iat=int(time.time()) + 3600),
        proof(key, "GET", url, token)[:-8] + "AAAAAAAA",
        "nonsense",
    ]
    unbound = tokens.good["standard"]
    refused = [running.ask(token, one) for one in bad] + [running.ask(unbound, proof(key, "GET", url, unbound))]
    return dict(zip(PROVEN, (cell(alone, 401), cell(let_in, 200), cell(refused, 401))))


def cell(statuses, expected):
    right = all(status == expected for status in statuses)
    return " ".join(str(status) for status in (statuses[:1] if len(set(statuses)) == 1 else statuses)), right


def last_accepted(running, tokens, deletion):
    """Asks again and again, from before the deletion until it refuses each route's token; answers how long after the
    deletion's answer the last request began that was still accepted, and whether that is right."""
    left, last = dict(tokens.ending), 0.0
    while left:
        for route, token in list(left.items()):
            began = time.monotonic()
            status = running.ask(token)
            if status == 401:
                del left[route]
            elif status != 200:
                return str(status), False
            else:
                last = max(last, began)
        if deletion.done() and time.monotonic() > deletion.result() + 2 * STATUS_LIST_TTL:
            return "never", False
        time.sleep(0.05)
    accepted = last - deletion.result()
    right = accepted <= (0 if running.api.asks else STATUS_LIST_TTL)
    again = {running.ask(token) for token in tokens.ending.values()}
    return ("at once" if accepted <= 0 else f"{accepted:.2f} s"), right and again == {401}


def outage(running, tokens, stopped_at, over, continued):
    """Asks while the server is stopped; answers how long it still accepted a good token, and whether it ended in time and
    recovers afterwards."""
    token, last, ended = tokens.good["standard"], 0.0, False
    while not ended and time.monotonic() < stopped_at + 1.5 * STATUS_LIST_LIFETIME:
        began = time.monotonic()
        ended = running.ask(token) != 200
        last = last if ended else began - stopped_at
        time.sleep(0 if ended else 0.5)
    over.append(running)
    continued.wait()
    recovers = any(running.ask(token) == 200 or time.sleep(1) for _ in range(15))
    right = ended and last <= (0 if running.api.asks else STATUS_LIST_LIFETIME) and recovers
    return (f"{last:.0f} s" if last else "at once") + ("" if recovers else ", for good"), right


def stop_the_server(all_running, tokens, rows):
    """The demo stands still until every status list must be too old."""
    continued = threading.Event()
    with ThreadPoolExecutor(32) as pool:
        os.kill(DEMO_PID, signal.SIGSTOP)
        stopped_at = time.monotonic()
        asked = [one for one in all_running if not isinstance(one, Introspection)]
        over = []
        ends = {id(one): pool.submit(outage, one, tokens[one.algorithm], stopped_at, over, continued) for one in asked}
        while len(over) < len(asked) and time.monotonic() < stopped_at + 2 * STATUS_LIST_LIFETIME:
            time.sleep(0.5)
        os.kill(DEMO_PID, signal.SIGCONT)
        continued.set()
        for one, row in zip(all_running, rows):
            row["server gone: accepts for"] = ends[id(one)].result() if id(one) in ends else ("", True)


def measure(all_running, tokens):
    with ThreadPoolExecutor(32) as pool:
        rows = list(pool.map(lambda running: judged(running, tokens[running.algorithm]), all_running))
        deletions = {algorithm: pool.submit(made.delete_secret) for algorithm, made in tokens.items()}
        ends = pool.map(
            lambda one: last_accepted(one, tokens[one.algorithm], deletions[one.algorithm]), all_running
        )
        for row, end in zip(rows, ends):
            row["deleted: accepted for"] = end
    return rows


def show(all_running, rows):
    kinds = list(rows[0])
    print("| validator | algorithm | " + " | ".join(kinds) + " |")
    print("|---|---|" + "---|" * len(kinds))
    for running, row in zip(all_running, rows):
        cells = [text if right else f"**{text}**" for text, right in row.values()]
        print(f"| {running.api.name} | {running.algorithm} | " + " | ".join(cells) + " |")


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    backend = f"http://127.0.0.1:{server.server_port}"
    manager = sign_in()
    tokens = {algorithm: Tokens(manager, algorithm) for algorithm in RESOURCES}
    all_running = [Introspection(algorithm) for algorithm in RESOURCES]
    try:
        all_running += [Running(api, algorithm, backend) for api in apis() for algorithm in RESOURCES]
        with ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda one: one.wait(tokens[one.algorithm].good["standard"]), all_running))
        rows = measure(all_running, tokens)
        stop_the_server(all_running, tokens, rows)
    finally:
        for running in all_running:
            running.stop()
    print(f"Each cell: the answers to the tokens of the three routes ({', '.join(ROUTES)}), once when they agree.\n")
    show(all_running, rows)
    wrong = [running for running, row in zip(all_running, rows) if not all(right for _, right in row.values())]
    for running in wrong:
        print(f"\n{running.api.name}, {running.algorithm}:\n{running.said()}", file=sys.stderr)
    for running in all_running:
        running.clean()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
