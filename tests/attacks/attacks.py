#!/usr/bin/env python3
"""Attacks on the release binary, each for so many seconds, and what others notice of it.

    attacks.py BINARY [--seconds 30] [--only NAME]

Everything stays on loopback and ends by itself. It fails when the process ends, when anybody else waits for longer than
a second or is refused, or when memory grows beyond the bound."""

import argparse
import asyncio
import multiprocessing
import os
import sys
import time

import floods
from others import Others
from server import Server

# MiB over what the server needs before.
GROWTH = 300
PROXY = ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", "127.0.0.9")

# The attack, and what its server is started with.
ATTACKS = {
    "compressed-bodies": (floods.compressed_bodies, {}),
    "takes-nothing": (floods.takes_nothing, {}),
    "idle": (floods.idle, {}),
    "drip": (floods.drip, {}),
    "unread-log": (floods.log_lines, {"unread_log": True}),
    "refusals": (floods.refusals, {}),
    "sign-ins": (floods.sign_ins, {}),
    "wrong-secrets": (floods.wrong_secrets, {}),
    "one-manager": (floods.one_manager, {}),
    "networks": (floods.networks, {"variables": [PROXY]}),
    "lock-out": (floods.lock_out, {}),
    "hang-ups": (floods.hang_ups, {}),
}


def rage(flood, server, until, met):
    """In a process of its own: what others wait is the server's doing, not this script's."""
    os.nice(5)
    met.put(asyncio.run(flood(server, until)))


async def attack(server, flood, seconds):
    others = Others(server)
    await others.prepare()
    before = figures(server)
    until = time.monotonic() + seconds
    met = multiprocessing.Queue()
    attacker = multiprocessing.Process(target=rage, args=(flood, server, until, met))
    attacker.start()
    await others.go_on(until)
    outcome = await asyncio.to_thread(met.get, True, 60)
    attacker.join(10)
    lives = server.lives()
    return others, outcome, before, figures(server) if lives else before, lives


def figures(server):
    return {"memory": server.memory(), "rows": server.rows(), "mails": server.mails(), "lines": server.lines()}


def run(binary, name, seconds):
    flood, started_with = ATTACKS[name]
    server = Server(binary, **started_with)
    try:
        others, met, before, after, lives = asyncio.run(attack(server, flood, seconds))
    finally:
        took = server.end()
    grown = after["memory"] - before["memory"]
    grew = ", ".join(f"{kind} {before[kind]} -> {after[kind]}" for kind in before)
    print(f"{name}: {grew} (memory in MiB); ended {took:.1f} s after SIGTERM")
    print(f"    the attacker met {dict(met)}")
    print(f"    others, p50/p99/max: {others.told()}", flush=True)
    harm = others.harmed()
    if not lives:
        harm.append("the process ended")
    if grown > GROWTH:
        harm.append(f"memory grew by {grown} MiB")
    if took > 15:
        harm.append(f"it took {took:.1f} s to end")
    for what in harm:
        print(f"    HARM: {what}", flush=True)
    return not harm


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--only", choices=ATTACKS)
    given = parser.parse_args()
    names = [given.only] if given.only else ATTACKS
    failed = [name for name in names if not run(given.binary, name, given.seconds)]
    if failed:
        sys.exit("attacks that did harm: " + ", ".join(failed))
    print(f"{len(list(names))} attacks, nobody else noticed")


if __name__ == "__main__":
    main()
