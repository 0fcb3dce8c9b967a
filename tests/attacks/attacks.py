#!/usr/bin/env python3
"""Attacks on the binary, each for so many seconds, and what others notice of it.

    attacks.py BINARY [--seconds 30] [--only NAME] [--document FILE]

Everything stays on loopback and ends by itself. It fails when the process ends, when anybody else waits for longer than
a second or is refused, or when memory, rows or mails grow beyond the bounds. With `--document` the table is written between
the marks in that file."""

import argparse
import asyncio
import datetime
import multiprocessing
import os
import re
import resource
import sys
import time

# Each puts its attacks on the list.
import wire, tokens, people, managers  # noqa: E401,F401

from attack import ATTACKS
from others import Others, at
from server import Server

# MiB over what the server held before.
GROWTH = 300
MAILS = 60
CALM = 3
BEGIN, END = "<!-- attacks: begin -->", "<!-- attacks: end -->"
COLUMNS = ("warm token", "cold token", "introspection", "manager's list", "sign-in", "creation", "deletion")


def rage(flood, server, until, prepared, met):
    """In a process of its own: what others wait is the server's doing, not this script's."""
    os.nice(5)
    try:
        met.put(asyncio.run(flood(server, until, prepared)))
    except Exception as error:
        met.put({repr(error): 1})
        raise


class Run:
    """One attack and its figures."""

    def __init__(self, binary, one, seconds):
        self.one, self.seconds = one, seconds
        self.server = Server(binary, one.files, one.variables, one.unread_log)
        try:
            asyncio.run(self.attack())
        finally:
            self.took = self.server.end()

    async def attack(self):
        server = self.server
        prepared = await self.one.prepare(server) if self.one.prepare else None
        self.others = Others(server)
        await self.others.prepare()
        await self.others.go_on(time.monotonic() + CALM)
        self.calm = self.others.forget()
        server.forget_peak()
        self.memory, self.rows, self.mails = server.memory()[0], server.rows(), server.mails()
        until = time.monotonic() + self.seconds
        met = multiprocessing.Queue()
        attacker = multiprocessing.Process(
            target=rage, args=(self.one.flood, server, until, prepared, met), daemon=True)
        attacker.start()
        await self.others.go_on(until)
        self.met = await asyncio.to_thread(met.get, True, 90)
        attacker.join(10)
        self.lives = server.lives()
        # Rows are written in the background, too.
        await asyncio.sleep(3)
        self.peak = server.memory()[1] if self.lives else 0
        rows = server.rows()
        self.grown = {name: rows[name] - self.rows[name] for name in rows if rows[name] > self.rows[name]}
        self.mailed = server.mails() - self.mails

    def harm(self):
        found = self.others.harmed()
        if not self.lives:
            found.append("the process ended")
        if self.peak - self.memory > GROWTH:
            found.append(f"memory grew by {self.peak - self.memory} MiB")
        if sum(self.grown.values()) > self.one.rows:
            found.append(f"{sum(self.grown.values())} rows were written: {self.grown}")
        if self.mailed > MAILS:
            found.append(f"{self.mailed} mails were written")
        if self.took > 15:
            found.append(f"it took {self.took:.1f} s to end")
        return found

    def unavailable(self):
        return sum(1 for one in self.others.wrong if one.endswith(": 503"))

    def told(self):
        waits = self.others.waits
        figures = [f"{name} {at(waits[name], .5):.0f}/{at(waits[name], .99):.0f}/{at(waits[name], 1):.0f}"
                   for name in COLUMNS if name in waits]
        return "\n".join([
            f"{self.one.name}: memory {self.memory} -> {self.peak} MiB; rows {self.grown}; {self.mailed} mails; ended in {self.took:.1f} s",
            f"    the attacker met {dict(self.met)}",
            f"    others, p50/p99/max in ms: {', '.join(figures)}",
            *(f"    HARM: {one}" for one in self.harm())])

    def line(self):
        """A line of the table."""
        def compared(name):
            before, during = self.calm.get(name), self.others.waits.get(name)
            return f"{at(before, .99):.0f} → {at(during, .99):.0f}" if before and during else "–"
        answers = ", ".join(f"{count:,} × {status}" for status, count in sorted(self.met.items(), key=lambda one: -one[1])[:3])
        cells = [f"`{self.one.name}`: {self.one.told}", answers, f"{self.memory} → {self.peak}",
                 f"{sum(self.grown.values()):,}", *(compared(name) for name in COLUMNS), f"{self.unavailable()}"]
        return f"| {' | '.join(cells)} |"


def table(runs, seconds):
    head = ["attack", "what it was answered", "memory in MiB, before → peak", "rows", *COLUMNS, "503s"]
    day = datetime.date.today().isoformat()
    return "\n".join([
        f"Run on {day}, {seconds:.0f} s each, on {os.cpu_count()} cores which attacker, bystanders and server share. Columns of "
        "bystanders: the 99th percentile in milliseconds, before → during.", "",
        f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(run.line() for run in runs)])


def write(path, text):
    with open(path) as file:
        document = file.read()
    marked = re.compile(re.escape(BEGIN) + ".*" + re.escape(END), re.DOTALL)
    assert marked.search(document), f"{path} has no marks"
    with open(path, "w") as file:
        file.write(marked.sub(lambda _: f"{BEGIN}\n{text}\n{END}", document))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only", choices=ATTACKS, action="append")
    parser.add_argument("--document")
    given = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    runs = []
    for name in given.only or ATTACKS:
        runs.append(Run(given.binary, ATTACKS[name], given.seconds))
        print(runs[-1].told(), flush=True)
    if given.document:
        write(given.document, table(runs, given.seconds))
    failed = [run.one.name for run in runs if run.harm()]
    if failed:
        sys.exit("attacks that did harm: " + ", ".join(failed))
    print(f"{len(runs)} attacks, nobody else noticed")


if __name__ == "__main__":
    main()
