"""Sites and their nodes: data that the demo has made, and `wmda-auth serve` on it."""

import http.client
import json
import os
import re
import signal
import subprocess
import time
import urllib.parse

from ground import free_port, own_folder, until

# Loads create and fail more than people do.
SETTINGS = {
    "LIMITS__FAILURES_PER_SECOND": "1000000",
    "LIMITS__FAILURE_BURST": "1000000",
    "LIMITS__SECRETS_PER_HOUR": "1000000",
    "SECRETS__MAX_PER_APPLICATION": "1000",
    "SERVER__DRAIN_SECONDS": "0",
    "LOG__FORMAT": "json",
}


class Site:
    """Database, keys, pepper and sample applications."""

    def __init__(self, row, database=None, binary=None, settings=SETTINGS):
        self.row, self.folder, self.settings = row, own_folder(row, "site"), settings
        self.binary = binary or row.options.binary
        self.database = database or f"sqlite:{self.folder}/wmda-auth.db"
        command = [self.binary, "demo", "--json", "--port", "0", "--data-dir", str(self.folder)]
        demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                env=os.environ | {f"WMDA_AUTH__{name}": value for name, value in settings.items() if name.startswith("CACHE")}
                                | {"WMDA_AUTH__DATABASE__URL": self.database})
        row.callback(demo.kill)
        self.summary = json.loads(demo.stdout.readline())
        demo.send_signal(signal.SIGTERM)
        demo.wait(20)

    def environment(self, variables):
        own = self.settings | {
            "SERVER__PUBLIC_URL": self.summary["base_url"],
            "DATABASE__URL": self.database,
            "KEYS__DIR": f"{self.folder}/keys",
            "SECRETS__PEPPER_FILE": f"{self.folder}/pepper",
            "MAIL__DIRECTORY": f"{self.folder}/mail",
        } | variables
        # A variable in capitals alone is the process's, not the configuration's.
        return os.environ | {name if name in PROCESS else f"WMDA_AUTH__{name}": value for name, value in own.items()}

    def command(self, *arguments, **variables):
        """A command of the operator's."""
        return subprocess.run([self.binary, *arguments], cwd=self.folder, env=self.environment(variables),
                              capture_output=True, text=True, timeout=120)

    def body(self, client=0, secret=None):
        """The form that asks for a token."""
        known = self.summary["clients"][client]
        return urllib.parse.urlencode({
            "grant_type": "client_credentials", "client_id": known["client_id"],
            "client_secret": secret or known["client_secret"], "resource": known["resources"][0],
        })


PROCESS = {"LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE", "FAKETIME_CACHE_DURATION", "FAKETIME_DONT_FAKE_MONOTONIC", "RUST_LOG"}


class Node:
    """One `serve`; killed when the row ends."""

    def __init__(self, site, binary=None, around=(), log=None, start=True, **variables):
        self.site, self.binary, self.around = site, binary or site.binary, list(around)
        self.port, self.metrics_port = free_port(), free_port()
        self.variables = {
            "SERVER__BIND": f"127.0.0.1:{self.port}",
            "SERVER__METRICS_BIND": f"127.0.0.1:{self.metrics_port}",
        } | variables
        self.log = log or own_folder(site.row, "node") / "log"
        self.process, self.news = None, 0
        site.row.callback(self.kill)
        if start:
            self.start()

    def launch(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([*self.around, self.binary, "serve"], cwd=self.site.folder, stdout=subprocess.DEVNULL,
                                            stderr=log, env=self.site.environment(self.variables))

    def start(self, seconds=30):
        self.launch()
        if not until(seconds, lambda: self.ready()[0] == 200 or self.process.poll() is not None, 0.02) or self.process.poll() is not None:
            raise RuntimeError(f"a node does not start: {self.lines()[-5:]}")
        # What it says of its configuration is no news.
        self.news = len(self.lines())

    def signal(self, which):
        self.process.send_signal(which)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def terminate(self):
        """Its exit code, and the seconds that it took."""
        began = time.monotonic()
        self.process.terminate()
        return self.process.wait(60), time.monotonic() - began

    def get(self, path, port=None):
        """Status and text; 0 where there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def ready(self):
        status, text = self.get("/readyz")
        return status, json.loads(text).get("status", "") if text.startswith("{") else text

    def is_ready(self):
        return self.ready()[0] == 200

    def metric(self, name):
        lines = self.get("/metrics", self.metrics_port)[1].splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith((name + " ", name + "{"))), None)

    def lines(self):
        """What it logged beside requests: level and message."""
        lines = []
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                lines.append(("PLAIN", line))
                continue
            if "method" not in entry:
                lines.append((entry["level"], entry["message"]))
        return lines

    def told(self, word):
        return any(word in message for _, message in self.lines()[self.news:])

    def warned(self):
        return [message for level, message in self.lines()[self.news:] if level != "INFO"]

    def warnings(self, most=3):
        """The first of its warnings and errors since it was ready, and how many there were."""
        lines = self.warned()
        kinds = list(dict.fromkeys(re.sub(r"[/\w-]*wmda-auth-faults-[\w/-]*", "…", line) for line in lines))[:most]
        quoted = "; ".join(f"“{message[:160]}”" for message in kinds)
        return f"{len(lines)} warnings and errors{': ' if kinds else ''}{quoted}"

    def memory(self):
        """Resident, in MiB."""
        status = open(f"/proc/{self.process.pid}/status").read()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))
