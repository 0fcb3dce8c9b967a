"""Floods of people who have signed in."""

import asyncio
import time
import uuid

from attack import ATTACKER, Line, attack, flood, many
from http1 import connect, json_request, reset
from members import Members

API = "/api/v1/applications"


def in_days(days):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400 * days))


async def manager(server):
    """A session, and an application of theirs."""
    user = server.summary["users"][3]
    return await server.sign_in(user, ATTACKER), user["applications"][0]


@attack("creations", "12 connections of a manager create secrets and delete them, as fast as they are answered", prepare=manager)
async def creations(server, until, prepared):
    token, client = prepared
    lines = [Line(server.address, ATTACKER) for _ in range(12)]

    async def work(number):
        body = {"name": f"n{time.monotonic_ns()}", "expires_at": in_days(20)}
        status, _, text = await lines[number].ask(json_request("POST", f"{API}/{client}/secrets", token, body))
        if status == 201:
            made = text.split(b'"id":"')[1].split(b'"')[0].decode()
            await lines[number].ask(json_request("DELETE", f"{API}/{client}/secrets/{made}", token))
        return f"create {status}"

    return await many(until, 12, work)


@attack("lists", "2,000 connections of a manager list everything that they may see", prepare=manager)
async def lists(server, until, prepared):
    token, client = prepared
    paths = [f"{API}?limit=200", f"{API}/{client}/secrets?limit=200", f"{API}/{client}/refusals?limit=200",
             f"{API}/{client}/networks", "/api/v1/session", "/api/v1/account"]
    return await flood(server, until, 2000, lambda number: json_request("GET", paths[number % len(paths)], token))


async def with_many_secrets(server):
    token, client = await manager(server)
    Members(server).fill(client, 30_000)
    return token, client


@attack("search", "12 connections of a manager search 30,000 secrets of an application for what none has", prepare=with_many_secrets)
async def search(server, until, prepared):
    token, client = prepared
    return await flood(server, until, 12, lambda _: json_request(
        "GET", f"{API}/{client}/secrets?search=zzz{time.monotonic_ns()}&limit=200", token))


@attack("denials", "2,000 connections of a manager ask for what they may not see: each no is recorded", prepare=manager)
async def denials(server, until, prepared):
    token, _ = prepared
    paths = ["/api/v1/users", f"{API}/{uuid.uuid4()}", "/api/v1/audit-events", "/api/v1/refusals"]
    return await flood(server, until, 2000, lambda number: json_request("GET", paths[number % len(paths)], token))


@attack("toggles", "100 connections of a manager change settings to and fro: reminders, suspensions", prepare=manager, rows=5_000)
async def toggles(server, until, prepared):
    token, client = prepared
    listed = await server.ask_json("GET", f"{API}/{client}/secrets", token, source=ATTACKER)
    secret = listed[1]["items"][0]["id"]

    def made(number):
        if number % 2:
            wanted = {"reminders": "urgent" if number % 4 == 1 else "all"}
            return json_request("PATCH", "/api/v1/session/preferences", token, wanted)
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)) if number % 4 else None
        return json_request("PATCH", f"{API}/{client}/secrets/{secret}", token, {"suspended_until": until})

    return await flood(server, until, 100, made)


@attack("keys", "100 connections of a manager register keys and delete them", prepare=manager)
async def register_keys(server, until, prepared):
    token, client = prepared
    lines = [Line(server.address, ATTACKER) for _ in range(100)]

    async def work(number):
        kind = ("keys", "federated-credentials")[number % 2]
        body = {"name": f"k{time.monotonic_ns()}"}
        if kind == "keys":
            body["jwks_uri"] = f"https://keys.example/{time.monotonic_ns()}"
        else:
            body.update(issuer=f"https://issuer.example/{time.monotonic_ns()}", subject="s", audience="a")
        status, _, text = await lines[number].ask(json_request("POST", f"{API}/{client}/{kind}", token, body))
        if status == 201:
            made = text.split(b'"id":"')[1].split(b'"')[0].decode()
            await lines[number].ask(json_request("DELETE", f"{API}/{client}/{kind}/{made}", token))
        return f"{kind} {status}"

    return await many(until, 100, work)


@attack("reset-deletions", "20 connections of a manager create and delete, and are reset while the deletion waits", prepare=manager)
async def reset_deletions(server, until, prepared):
    token, client = prepared

    async def work(_):
        body = {"name": f"n{time.monotonic_ns()}", "expires_at": in_days(200)}
        status, made = await server.ask_json("POST", f"{API}/{client}/secrets", token, body, ATTACKER, 30)
        if status != 201:
            await asyncio.sleep(0.05)
            return f"create {status}"
        _, writer = await connect(server.address, ATTACKER)
        writer.write(json_request("DELETE", f"{API}/{client}/secrets/{made['id']}", token))
        await writer.drain()
        await asyncio.sleep(0.05)
        reset(writer)
        return "reset"

    return await many(until, 20, work)


async def with_a_long_report(server):
    token = await server.sign_in(server.summary["users"][1], ATTACKER)
    Members(server).fill(server.summary["clients"][3]["client_id"], 50_000)
    return token


@attack("reports", "64 connections of an auditor ask for the report of 50,000 secrets as a file", prepare=with_a_long_report)
async def reports(server, until, token):
    return await flood(server, until, 64, lambda _: json_request(
        "GET", "/api/v1/reports/secrets", token, headers=["Accept: text/csv"]))
