"""Floods of bytes and connections: what needs no knowledge of the service."""

import asyncio
import gzip
import time

from attack import ATTACKER, USUAL_FILES, attack, flood, many
from http1 import FORM, answer, ask, connect, form_request, json_request, request

# As many as one source may have, and more.
CROWD = 4000


@attack("compressed-bodies", "60 connections send bodies of 60 MB that are 60 kB long")
async def compressed_bodies(server, until, _):
    packed = gzip.compress(b"a" * 60_000_000)
    chunked = f"{len(packed):x}\r\n".encode() + packed + b"\r\n0\r\n\r\n"

    async def work(number):
        path = ("/oauth2/token", "/oauth2/introspect", "/api/v1/session")[number % 3]
        kind = "application/json" if path.startswith("/api") else "application/x-www-form-urlencoded"
        head = (f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\n"
                "Transfer-Encoding: chunked\r\n\r\n")
        return (await ask(server.address, ATTACKER, head.encode() + chunked))[0]

    return await many(until, 60, work)


LARGEST = request("GET", "/api/docs") * 8 + request("GET", "/api/v1/openapi.json") * 8


async def taking_nothing(server, until, width, sent=(LARGEST,)):
    async def work(number):
        _, writer = await connect(server.address, ATTACKER)
        writer.transport.pause_reading()
        writer.write(sent[number % len(sent)])
        try:
            await asyncio.sleep(max(0.1, min(25.0, until - time.monotonic())))
        finally:
            writer.transport.abort()
        return "held"

    return await many(until, width, work)


@attack("takes-nothing", "310 connections ask for the largest answers and read none", files=USUAL_FILES)
async def takes_nothing(server, until, _):
    return await taking_nothing(server, until, 310)


@attack("crowd-takes-nothing", "4,000 connections ask for the largest answers and read none")
async def crowd_takes_nothing(server, until, _):
    return await taking_nothing(server, until, CROWD)


@attack("thousands-at-once", "1,000 connections send 128 kB of short requests each, ended in three ways, and read no answer")
async def thousands_at_once(server, until, _):
    short = [
        request("GET", "/"),
        b"G / HTTP/1.1\nHost:\n\n",
        b"G / HTTP/1.1\r\nHost:\r\nTransfer-Encoding:chunked\r\n\r\n0\r\n\r\n",
    ]
    return await taking_nothing(server, until, 1000, [one * (128 * 1024 // len(one)) for one in short])


async def holding(server, until, width):
    async def work(_):
        reader, writer = await connect(server.address, ATTACKER)
        try:
            ended = await asyncio.wait_for(reader.read(1), max(0.1, until - time.monotonic()))
            return "closed by the server" if not ended else "answered"
        except asyncio.TimeoutError:
            return "held"
        finally:
            writer.transport.abort()

    return await many(until, width, work)


@attack("idle", "1,100 connections say nothing, with 1,024 open files", files=USUAL_FILES)
async def idle(server, until, _):
    return await holding(server, until, 1100)


@attack("idle-crowd", "4,000 connections say nothing")
async def idle_crowd(server, until, _):
    return await holding(server, until, CROWD)


async def dripping(server, until, width, head, drop):
    async def work(_):
        _, writer = await connect(server.address, ATTACKER)
        writer.write(head)
        try:
            while time.monotonic() < until:
                writer.write(drop)
                await writer.drain()
                await asyncio.sleep(1)
            return "held"
        finally:
            writer.transport.abort()

    return await many(until, width, work)


@attack("drip", "400 requests that never end, a header a second")
async def drip(server, until, _):
    return await dripping(server, until, 400, b"GET /livez HTTP/1.1\r\nHost: here\r\n", b"X-More: 1\r\n")


@attack("dripping-bodies", "400 sign-ins and deletions whose bodies never end, a byte a second")
async def dripping_bodies(server, until, _):
    head = (b"POST /api/v1/session HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
            b"Content-Length: 9000\r\n\r\n")
    return await dripping(server, until, 400, head, b" ")


@attack("http2-preface", "500 connections speak HTTP/2 from the first byte, and ask on")
async def http2_preface(server, until, _):
    settings = b"\0\0\0\x04\0\0\0\0\0"
    window = b"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01"
    pings = (b"\0\0\x08\x06\0\0\0\0\0" + b"12345678") * 1000
    sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + window + pings

    async def work(_):
        reader, writer = await connect(server.address, ATTACKER)
        try:
            writer.write(sent)
            status = (await asyncio.wait_for(answer(reader), 10))[0]
            return status
        finally:
            writer.transport.abort()

    return await many(until, 500, work)


def pipelined(server, sent):
    async def work(_):
        reader, writer = await connect(server.address, ATTACKER)
        try:
            status = None
            for _ in range(20):
                writer.write(sent * 8)
                for _ in range(8):
                    status = (await answer(reader))[0]
            return status
        finally:
            writer.transport.abort()

    return work


@attack("unread-log", "lines for a standard error that nobody reads: a member's tokens have one each", unread_log=True)
async def unread_log(server, until, _):
    member = server.summary["clients"][0]
    sent = form_request("/oauth2/token", grant_type="client_credentials", client_id=member["client_id"],
                        client_secret=member["client_secret"], resource=member["resources"][0])
    return await many(until, 16, pipelined(server, sent))


@attack("log-lines", "16 connections ask for nothing, eight requests at a time")
async def log_lines(server, until, _):
    return await many(until, 16, pipelined(server, request("GET", "/nothing")))


@attack("documents", "2,000 connections ask for the largest answers and read them")
async def documents(server, until, _):
    paths = ["/api/v1/openapi.json", "/api/docs", "/oauth2/jwks", "/oauth2/statuslists/0"]
    return await flood(server, until, 2000, lambda number: json_request("GET", paths[number % 4]))


@attack("health", "2,000 connections ask whether the server is ready")
async def health(server, until, _):
    return await flood(server, until, 2000, lambda _: request("GET", "/readyz"))


@attack("long-forms", "500 connections send forms of 16 KiB with a thousand parameters")
async def long_forms(server, until, _):
    body = b"&".join(b"parameter%d=%%41" % number for number in range(900))[:16_000]
    return await flood(server, until, 500, lambda _: request("POST", "/oauth2/token", [FORM], body))
