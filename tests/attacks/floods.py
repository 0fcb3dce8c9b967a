"""What one sender does to the server, for as long as it is told to. Each counts the answers that it gets."""

import asyncio
import collections
import gzip
import time

from http1 import Gone, answer, ask, ask_json, connect, form, request, reset
from others import FORM, sign_in

ATTACKER = "127.0.0.2"
NOBODY = "11111111-2222-4333-8444-{:012}"


async def many(until, width, work):
    """`width` attackers at once, again and again until the time; what they meet is counted."""
    met = collections.Counter()

    async def attacker(number):
        while time.monotonic() < until:
            try:
                met[await work(number)] += 1
            except (Gone, OSError, asyncio.TimeoutError) as error:
                met[type(error).__name__] += 1
                await asyncio.sleep(0.01)

    await asyncio.gather(*(attacker(number) for number in range(width)))
    return met


async def compressed_bodies(server, until):
    """Bodies of 60 MB that are 60 kB long."""
    packed = gzip.compress(b"a" * 60_000_000)
    chunked = f"{len(packed):x}\r\n".encode() + packed + b"\r\n0\r\n\r\n"

    async def work(number):
        path = ("/oauth2/token", "/oauth2/introspect", "/api/v1/session")[number % 3]
        kind = "application/json" if path.startswith("/api") else "application/x-www-form-urlencoded"
        head = (f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\n"
                "Transfer-Encoding: chunked\r\n\r\n")
        return (await ask(server.address, ATTACKER, head.encode() + chunked))[0]

    return await many(until, 60, work)


async def takes_nothing(server, until):
    """Asks sixteen times for the largest document and reads nothing."""
    sent = request("GET", "/api/docs") * 8 + request("GET", "/api/v1/openapi.json") * 8

    async def work(_):
        reader, writer = await connect(server.address, ATTACKER)
        writer.transport.pause_reading()
        writer.write(sent)
        try:
            # Until the server gives up: reading a little shows it.
            await asyncio.sleep(max(0.1, min(25.0, until - time.monotonic())))
        finally:
            writer.transport.abort()
        return "held"

    return await many(until, 310, work)


async def idle(server, until):
    """Connections that say nothing."""

    async def work(_):
        reader, writer = await connect(server.address, ATTACKER)
        try:
            left = max(0.1, until - time.monotonic())
            ended = await asyncio.wait_for(reader.read(1), left)
            return "closed by the server" if not ended else "answered"
        except asyncio.TimeoutError:
            return "held"
        finally:
            writer.transport.abort()

    return await many(until, 1100, work)


async def drip(server, until):
    """Requests that never end, a header a second."""

    async def work(_):
        reader, writer = await connect(server.address, ATTACKER)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: here\r\n")
        try:
            while time.monotonic() < until:
                writer.write(b"X-More: 1\r\n")
                await writer.drain()
                await asyncio.sleep(1)
            return "held"
        finally:
            writer.transport.abort()

    return await many(until, 400, work)


async def log_lines(server, until):
    """Lines for a log that nobody reads: a member's tokens have one each."""
    member = server.summary["clients"][0]
    body = form(grant_type="client_credentials", client_id=member["client_id"],
                client_secret=member["client_secret"], resource=member["resources"][0])
    return await many(until, 16, pipelined(server, request("POST", "/oauth2/token", FORM, body)))


async def refusals(server, until):
    """Requests for nothing."""
    return await many(until, 16, pipelined(server, request("GET", "/nothing")))


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


async def sign_ins(server, until):
    """Addresses that nobody has, from 160 connections."""

    async def work(number):
        body = {"email": f"{number}@nobody.example", "password": "wrong", "totp": "000000"}
        return (await ask_json(server.address, ATTACKER, "POST", "/api/v1/session", body=body, timeout=20))[0]

    return await many(until, 160, work)


async def wrong_secrets(server, until):
    """Clients that nobody has, from as many connections as one source may have."""
    number = 0

    async def work(_):
        nonlocal number
        number += 1
        body = form(grant_type="client_credentials", client_id=NOBODY.format(number), client_secret="wrong")
        return (await ask(server.address, ATTACKER, request("POST", "/oauth2/token", FORM, body), 20))[0]

    return await many(until, 400, work)


async def one_manager(server, until):
    """Secrets without end, and lists of everything beside them."""
    user = server.summary["users"][-1]
    status, body = await sign_in(server, user, ATTACKER)
    if status != 201:
        return collections.Counter({f"sign-in {status}": 1})
    token, client = body["token"], user["applications"][0]
    path = f"/api/v1/applications/{client}/secrets"

    async def work(number):
        if number % 3 == 0:
            query = "/api/v1/audit-events?limit=200" if number % 2 else f"{path}?limit=200"
            return f"list {(await ask_json(server.address, ATTACKER, 'GET', query, token, timeout=20))[0]}"
        wanted = {"name": f"n{time.monotonic_ns()}", "expires_at": time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))}
        status, made = await ask_json(server.address, ATTACKER, "POST", path, token, wanted, timeout=20)
        if status == 201:
            await ask_json(server.address, ATTACKER, "DELETE", f"{path}/{made['id']}", token, timeout=20)
        return f"create {status}"

    return await many(until, 12, work)


async def lock_out(server, until):
    """Wrong passwords for somebody who is known; then they sign in from elsewhere."""
    user = server.summary["users"][-1]
    wrong = {"email": user["email"], "password": "wrong", "totp": "000000"}

    async def work(_):
        return (await ask_json(server.address, ATTACKER, "POST", "/api/v1/session", body=wrong, timeout=20))[0]

    met = await many(until, 8, work)
    # The first from an address of their own, as at home.
    status, _ = await sign_in(server, user, "127.0.0.3")
    met[f"the person from elsewhere: {status}"] += 1
    return met


async def networks(server, until):
    """One IPv6 customer with a network of addresses: each fails once. It comes through a proxy that is trusted."""
    number = 0

    async def work(_):
        nonlocal number
        number += 1
        headers = [*FORM, f"X-Forwarded-For: 2001:db8:0:1::{number % 65535 + 1:x}"]
        body = form(grant_type="client_credentials", client_id=NOBODY.format(number), client_secret="wrong")
        return (await ask(server.address, "127.0.0.9", request("POST", "/oauth2/token", headers, body), 20))[0]

    return await many(until, 8, work)


async def hang_ups(server, until):
    """Sign-ins whose connection is reset while they are at work."""

    async def work(number):
        body = b'{"email":"nobody@nobody.example","password":"wrong","totp":"000000"}'
        reader, writer = await connect(server.address, ATTACKER)
        writer.write(request("POST", "/api/v1/session", ["Content-Type: application/json"], body))
        await writer.drain()
        await asyncio.sleep(0.005 * (number % 5))
        reset(writer)
        return "reset"

    return await many(until, 64, work)
