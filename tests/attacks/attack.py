"""What an attack is, and the list of all."""

import asyncio
import collections
import dataclasses
import time
import typing

from http1 import Gone, Line

ATTACKER = "127.0.0.2"
# A proxy that is trusted: who comes through it names the source.
PROXY = "127.0.0.9"
TRUSTED = ("WMDA_AUTH__SERVER__TRUSTED_PROXIES", PROXY)
PRIVATE = ("WMDA_AUTH__WEBHOOKS__ALLOW_PRIVATE", "true")
NOBODY = "11111111-2222-4333-8444-{:012}"

# What the process may open: as the usual limit has it, and room for as many connections as the server wants.
USUAL_FILES = 1024
MANY_FILES = 16384


@dataclasses.dataclass
class Attack:
    name: str
    # What is done, for the table.
    told: str
    flood: typing.Callable
    # Before the others are measured; what it answers is handed to the flood.
    prepare: typing.Callable = None
    variables: tuple = ()
    files: int = MANY_FILES
    unread_log: bool = False
    # Rows that it may leave behind in the database.
    rows: int = 1500


ATTACKS = {}


def attack(name, told, **more):
    """Puts a flood on the list: a coroutine function of (server, until, what was prepared)."""

    def register(flood):
        ATTACKS[name] = Attack(name, told, flood, **more)
        return flood

    return register


async def many(until, width, work):
    """`width` attackers at once, again and again until the time; what they meet is counted."""
    met = collections.Counter()

    async def attacker(number):
        while time.monotonic() < until:
            try:
                met[await asyncio.wait_for(work(number), max(1.0, until + 5 - time.monotonic()))] += 1
            except (Gone, OSError, asyncio.TimeoutError) as error:
                met[type(error).__name__] += 1
                await asyncio.sleep(0.05)

    await asyncio.gather(*(attacker(number) for number in range(width)))
    return met


async def flood(server, until, width, made, source=ATTACKER):
    """`width` kept connections, a request after the other on each. `made` makes the next request."""
    lines = [Line(server.address, source) for _ in range(width)]

    async def work(number):
        return (await lines[number].ask(made(number)))[0]

    try:
        return await many(until, width, work)
    finally:
        for line in lines:
            line.close()


class Numbers:
    """1, 2, 3 …"""

    def __init__(self):
        self.last = 0

    def next(self):
        self.last += 1
        return self.last
