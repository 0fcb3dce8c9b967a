#!/usr/bin/env python3
"""Faults on real processes, one row of docs/reliability.md each.

    faults.py BINARY [--previous BINARY] [--quick] [--only ROW,…] [--kills N] [--soak MINUTES] [--document FILE]

Everything stays on loopback and ends by itself. It fails when an expectation does."""

import argparse
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time
import traceback

import databases
import failovers
import files
import processes
import restores
from ground import Row

ROWS = {
    "database-killed": databases.killed,
    "database-stopped": databases.stopped,
    "database-slow": databases.slow,
    "database-read-only": databases.read_only,
    "database-exhausted": databases.exhausted,
    "failover-switchover": failovers.switchover,
    "failover-crash": failovers.crash,
    "failover-hang": failovers.hang,
    "failover-split-brain": failovers.split_brain,
    "disk-full": files.disk_full,
    "disk-of-the-log-full": files.log_full,
    "sqlite-file-gone": files.sqlite_gone,
    "keys-pepper-certificate-gone": files.files_gone,
    "kill-9": processes.killed,
    "exit": processes.exits,
    "sigterm": processes.terminated,
    "rolling-restart": processes.rolling,
    "two-versions": processes.two_versions,
    "idle-connections": processes.idle_connections,
    "clocks": processes.clocks,
    "restore-drill": restores.drill,
    "soak": processes.soak,
}
# Rows that the short form leaves out: one takes long however short it is, the other is a step of the tests already.
LONG = {"two-versions", "rolling-restart"}


def run(name, options):
    began = time.monotonic()
    print(f"==> {name}", flush=True)
    row = Row(name, options)
    with row:
        try:
            ROWS[name](row)
        except Exception:
            traceback.print_exc()
            row.expect(False, "the row runs to its end")
    print(f"    did: {row.done}")
    for what, texts in [("clients", row.clients), ("said", row.said), ("held", row.held), ("FAILED", row.failed)]:
        for text in texts:
            print(f"    {what}: {text}")
    row.seconds = time.monotonic() - began
    print(f"    {row.seconds:.0f} s", flush=True)
    return row


def line(row):
    """As the document has it."""
    verdict = "held" if not row.failed else f"**failed**: {'; '.join(row.failed)}. Held"
    version = subprocess.run([row.options.binary, "--version"], capture_output=True, text=True).stdout.strip()
    run = f"{version}{' debug' if '/debug/' in row.options.binary else ''}, {time.strftime('%Y-%m-%d')}, {row.seconds:.0f} s"
    cells = [row.name, row.done, "; ".join(row.clients), "; ".join(row.said), f"{verdict}: {'; '.join(row.held)}", run]
    return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |"


def write(document, rows):
    """Replaces the lines of the rows that ran; the others stay, in the order of the rows."""
    text = document.read_text()
    begin, end = "<!-- table: cargo xtask faults -->\n", "<!-- end of the table -->"
    before, rest = text.split(begin)
    table, after = rest.split(end)
    known = {match[1]: found for found in table.splitlines() if (match := re.match(r"\| ([a-z0-9-]+) \|", found))}
    known |= {row.name: line(row) for row in rows}
    head = ["| row | what was done | what clients saw | `/readyz` and the log | what was expected | run |", "|---|---|---|---|---|---|"]
    lines = head + [known[name] for name in ROWS if name in known]
    document.write_text(before + begin + "\n".join(lines) + "\n" + end + after)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--previous")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--kills", type=int)
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    parser.add_argument("--document", type=pathlib.Path)
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    options.kills = options.kills or (20 if options.quick else 1000)
    options.soak = options.soak or (0.5 if options.quick else 20)
    # Whatever ends this program ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    # Logs of nodes are read; and a row has ten thousand connections.
    os.environ.pop("RUST_LOG", None)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    names = options.only.split(",") if options.only else [name for name in ROWS if not (options.quick and name in LONG)]
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        sys.exit(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    began = time.monotonic()
    rows = []
    for name in names:
        rows.append(run(name, options))
        if options.document:
            write(options.document, rows)
    failed = [row.name for row in rows if row.failed]
    print(f"{len(rows)} rows in {(time.monotonic() - began) / 60:.1f} minutes, {len(failed)} failed: {', '.join(failed) or 'none'}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
