"""Two nodes behind HAProxy and behind nginx, by the configurations that we publish: under load, each node is restarted in
turn, and nothing may be lost. Then what promtool says of the metrics. The standard library alone."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ["WMDA_AUTH"]
DEMO = json.loads(os.environ["WMDA_AUTH_DEMO"])
DATA = pathlib.Path(DEMO["data_dir"])
PROMTOOL = os.environ.get("PROMTOOL", "promtool")


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


class Node:
    """One `serve` on the demo's data."""

    def __init__(self, log):
        self.port, self.metrics, self.log = free_port(), free_port(), log
        self.start()

    def start(self):
        own = {
            "SERVER__BIND": f"127.0.0.1:{self.port}",
            "SERVER__METRICS_BIND": f"127.0.0.1:{self.metrics}",
            "SERVER__PUBLIC_URL": DEMO["base_url"],
            "SERVER__TRUSTED_PROXIES": "127.0.0.1",
            "SERVER__DRAIN_SECONDS": "4",
            "DATABASE__URL": f"sqlite:{DATA}/wmda-auth.db",
            "KEYS__DIR": f"{DATA}/keys",
            "SECRETS__PEPPER_FILE": f"{DATA}/pepper",
            "MAIL__DIRECTORY": f"{DATA}/mail",
        }
        environment = os.environ | {f"WMDA_AUTH__{key}": value for key, value in own.items()}
        self.process = subprocess.Popen([BINARY, "serve"], cwd=DATA, env=environment, stderr=self.log)
        wait(lambda: status(f"http://127.0.0.1:{self.port}/readyz") == 200, "a node")

    def restart(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(40)
        self.start()


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return None


def wait(holds, what, seconds=30):
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            sys.exit(f"{what} does not become ready")
        time.sleep(0.1)


class Load:
    """Clients that ask for tokens, each time on a connection of its own; the balancers keep theirs."""

    def __init__(self, base):
        client = DEMO["clients"][0]
        form = {
            "grant_type": "client_credentials",
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
            "resource": client["resources"][0],
        }
        self.body = urllib.parse.urlencode(form).encode()
        self.base, self.done, self.asked, self.lost = base, threading.Event(), 0, []
        self.threads = [threading.Thread(target=self.ask) for _ in range(8)]
        for thread in self.threads:
            thread.start()

    def ask(self):
        while not self.done.is_set():
            self.asked += 1
            try:
                with urllib.request.urlopen(f"{self.base}/oauth2/token", self.body, timeout=10) as answer:
                    answer.read()
            except (OSError, urllib.error.HTTPError) as error:
                self.lost.append(f"{time.strftime('%H:%M:%S')} {error!r}")
            # Without a pause the checks of the balancer starve on a small machine.
            time.sleep(0.05)

    def end(self):
        self.done.set()
        for thread in self.threads:
            thread.join()


def haproxy(nodes, port, folder):
    environment = os.environ | {
        "WMDA_AUTH_PROXY_BIND": f"127.0.0.1:{port}",
        "WMDA_AUTH_NODE1": f"127.0.0.1:{nodes[0].port}",
        "WMDA_AUTH_NODE2": f"127.0.0.1:{nodes[1].port}",
    }
    configuration = ROOT / "packaging/haproxy/haproxy.cfg"
    command = ["haproxy", "-db", "-f", str(configuration)]
    subprocess.run(command + ["-c"], env=environment, check=True, stdout=subprocess.DEVNULL)
    return subprocess.Popen(command, env=environment, stdout=open(folder / "haproxy.log", "w"), stderr=subprocess.STDOUT)


def nginx(nodes, port, folder):
    published = (ROOT / "packaging/nginx/wmda-auth.conf").read_text()
    for written, own in [(8081, nodes[0].port), (8082, nodes[1].port), (8443, port)]:
        published = published.replace(f"127.0.0.1:{written}", f"127.0.0.1:{own}")
    paths = "".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    whole = f"daemon off; pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off; {paths} {published} }}"
    (folder / "nginx.conf").write_text(whole)
    command = ["/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    subprocess.run(command + ["-t"], check=True, stderr=subprocess.DEVNULL)
    return subprocess.Popen(command, stderr=open(folder / "nginx.log", "w"))


def rolling_restart(start, nodes, folder):
    port = free_port()
    proxy = start(nodes, port, folder)
    base = f"http://127.0.0.1:{port}"
    wait(lambda: status(f"{base}/readyz") == 200, start.__name__)
    load = Load(base)
    time.sleep(3)
    for node in nodes:
        node.restart()
        # The balancer has to see the one before it may lose the other.
        time.sleep(3)
    load.end()
    proxy.terminate()
    proxy.wait(10)
    print(f"{start.__name__}: {load.asked} requests in a rolling restart of two nodes, {len(load.lost)} lost")
    if load.lost or load.asked < 50:
        sys.exit("\n".join(load.lost[:10]))


def check_metrics(node):
    with urllib.request.urlopen(f"http://127.0.0.1:{node.metrics}/metrics", timeout=5) as answer:
        text = answer.read()
    outcome = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True)
    if outcome.returncode != 0:
        sys.exit(f"promtool check metrics: {outcome.stdout.decode()}{outcome.stderr.decode()}")
    told = {line.split()[2] for line in text.decode().splitlines() if line.startswith("# TYPE ")}
    rules = (ROOT / "docs/monitoring/alerts.yml").read_text() + (ROOT / "docs/monitoring/dashboard.json").read_text()
    named = set(re.findall(r"\b(?:wmda_auth|process)_[a-z_]+", rules))
    # Histograms are named with their parts; certificates and handshakes are told where the server ends TLS.
    named = {re.sub("_(bucket|count|sum)$", "", name) for name in named}
    unknown = {name for name in named - told if "_tls_" not in name}
    # A family without a sample yet is not told; each of these has one as soon as something happened.
    happens = {"wmda_auth_refusals_total", "wmda_auth_log_lines_missing_total", "wmda_auth_signing_key_next_activation_timestamp_seconds"}
    if unknown - happens:
        sys.exit(f"alerts or dashboard name metrics that are not there: {sorted(unknown - happens)}")
    print(f"promtool check metrics: clean, {len(told)} metrics; every name in alerts and dashboard is one of them")


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with open(folder / "nodes.log", "w") as log:
            nodes = [Node(log), Node(log)]
            try:
                rolling_restart(haproxy, nodes, folder)
                rolling_restart(nginx, nodes, folder)
                check_metrics(nodes[0])
            finally:
                for node in nodes:
                    node.process.kill()


main()
