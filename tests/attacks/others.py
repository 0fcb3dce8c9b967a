"""Everybody else: what they wait for an answer while somebody attacks. They come from elsewhere."""

import asyncio
import time

from http1 import Gone, ask, ask_json, form, request
from server import code

HERE = "127.0.0.1"
LIMIT = 1.0
FORM = ["Content-Type: application/x-www-form-urlencoded"]


class Others:
    """A warm member, a cold one, a manager and people who sign in, each at a pace of their own."""

    def __init__(self, server):
        self.server = server
        self.waits = {}
        self.wrong = []
        # The last one is left to attacks.
        self.people = server.summary["users"][:-1]

    async def prepare(self):
        # A code works once: who signed in just now waits for the next.
        manager = next(user for user in self.server.summary["users"] if user["role"] == "credential_manager")
        self.people = [user for user in self.people if user is not manager]
        status, body = await sign_in(self.server, manager, HERE)
        assert status == 201, body
        self.token = body["token"]
        self.client = manager["applications"][0]
        member = self.server.summary["clients"][0]
        self.warm = member
        status, body = await self.ask_token()
        assert status == 200, body
        self.access_token = body

    def ask_token(self):
        body = form(grant_type="client_credentials", client_id=self.warm["client_id"],
                    client_secret=self.warm["client_secret"], resource=self.warm["resources"][0])
        return ask(self.server.address, HERE, request("POST", "/oauth2/token", FORM, body))

    def introspect(self):
        """It reads the database each time."""
        caller = self.server.summary["resource_servers"][0]
        body = form(token="unknown", client_id=caller["client_id"], client_secret=caller["client_secret"])
        return ask(self.server.address, HERE, request("POST", "/oauth2/introspect", FORM, body))

    def list_secrets(self):
        path = f"/api/v1/applications/{self.client}/secrets"
        return ask_json(self.server.address, HERE, "GET", path, self.token)

    async def sign_in(self):
        user = self.people.pop(0) if self.people else None
        if user is None:
            return None
        return await sign_in(self.server, user, HERE)

    async def go_on(self, until):
        """Asks until the time; each kind every so many seconds."""
        kinds = [("warm token", self.ask_token, 0.1), ("cold introspection", self.introspect, 0.2),
                 ("manager's list", self.list_secrets, 0.5), ("sign-in", self.sign_in, 10.0)]
        await asyncio.gather(*(self.repeat(until, *kind) for kind in kinds))

    async def repeat(self, until, name, ask_once, pause):
        await asyncio.sleep(min(pause, 2.0))
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                outcome = await ask_once()
            except (Gone, OSError, asyncio.TimeoutError) as error:
                outcome = (repr(error), None)
            if outcome is not None:
                self.waits.setdefault(name, []).append(time.monotonic() - began)
                if outcome[0] not in (200, 201):
                    self.wrong.append(f"{name}: {outcome[0]}")
            await asyncio.sleep(pause)

    def told(self):
        """p50, p99 and maximum of each, in milliseconds."""
        def figures(waits):
            waits = sorted(waits)
            at = lambda share: waits[min(len(waits) - 1, int(len(waits) * share))] * 1000
            return f"{at(0.5):.0f}/{at(0.99):.0f}/{waits[-1] * 1000:.0f} ms ({len(waits)})"
        return "; ".join(f"{name} {figures(waits)}" for name, waits in self.waits.items())

    def harmed(self):
        slow = [f"{name}: {max(waits):.2f} s" for name, waits in self.waits.items() if max(waits) > LIMIT]
        return slow + self.wrong[:5] + ([f"{len(self.wrong)} in all"] if len(self.wrong) > 5 else [])


async def sign_in(server, user, source):
    body = {"email": user["email"], "password": user["password"], "totp": code(user["totp_secret"])}
    return await ask_json(server.address, source, "POST", "/api/v1/session", body=body)
