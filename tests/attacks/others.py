"""Everybody else: what they wait for an answer while somebody attacks. They come from elsewhere."""

import asyncio
import time

from http1 import Gone, ask
from members import Members
from server import STEP, code, proof_of
from tokens import token_request, with_secret

HERE = "127.0.0.1"
LIMIT = 1.0
# A deletion waits out a lease of half a second first.
LEASE = 0.5
PEOPLE = 12
COLD = 400


class Others:
    """A warm member, cold ones, an API, a manager, and people who sign in, each at a pace of their own."""

    def __init__(self, server):
        self.server = server
        self.waits, self.wrong = {}, []
        self.people, self.turn = [], 0

    async def prepare(self):
        users = self.server.summary["users"]
        self.token = await self.server.sign_in(users[2], HERE)
        self.client = users[2]["applications"][0]
        self.warm = self.server.summary["clients"][0]
        self.cold = Members(self.server).add(COLD)
        admin = await self.server.sign_in(users[0], HERE)
        for number in range(PEOPLE):
            self.people.append(await self.enrol(admin, f"person{number}@wmda.example"))
        status, body = await self.ask_token()
        assert status == 200, body

    async def enrol(self, admin, email):
        """Somebody who signs in for the first time while the attack goes on."""
        new = {"email": email, "display_name": "Somebody", "roles": ["auditor"]}
        made = await self.expect(201, "POST", "/api/v1/users", admin, new)
        token, password = made["enrolment_url"].split("#token=")[1], f"correct horse {email}"
        begun = await self.expect(200, "POST", "/api/v1/enrolment", None, {"token": token, "password": password})
        # The code of the step before is right, too: that of now is left for the sign-in.
        totp = code(begun["totp_secret"], time.time() - STEP)
        await self.expect(201, "POST", "/api/v1/enrolment/confirm", None, {"token": token, "totp": totp})
        return {"email": email, "password": password, "totp_secret": begun["totp_secret"]}

    async def expect(self, wanted, method, path, token, body):
        status, answer = await self.server.ask_json(method, path, token, body, HERE)
        assert status == wanted, answer
        return answer

    def ask_token(self):
        return ask(self.server.address, HERE, token_request(self.warm))

    def ask_cold(self):
        return ask(self.server.address, HERE, token_request(self.cold.pop()))

    def introspect(self):
        """It reads the database each time."""
        caller = self.server.summary["resource_servers"][0]
        return ask(self.server.address, HERE, with_secret("/oauth2/introspect", caller, token="unknown"))

    def list_secrets(self):
        return self.server.ask_json("GET", f"/api/v1/applications/{self.client}/secrets", self.token)

    def create(self):
        expires = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400 * 200))
        body = {"name": f"n{time.monotonic_ns()}", "expires_at": expires}
        return self.server.ask_json("POST", f"/api/v1/applications/{self.client}/secrets", self.token, body)

    def delete(self, made):
        path = f"/api/v1/applications/{self.client}/secrets/{made['id']}"
        return self.server.ask_json("DELETE", path, self.token)

    def sign_in(self):
        user, self.turn = self.people[self.turn % PEOPLE], self.turn + 1
        return self.server.ask_json("POST", "/api/v1/session", body=proof_of(user))

    async def create_and_delete(self):
        status, made = await self.measured("creation", self.create())
        if status == 201:
            await self.measured("deletion", self.delete(made), LEASE)

    async def go_on(self, until):
        """Asks until the time; each kind every so many seconds."""
        kinds = [("warm token", self.ask_token, 0.1), ("cold token", self.ask_cold, 0.25),
                 ("introspection", self.introspect, 0.25), ("manager's list", self.list_secrets, 0.5),
                 ("sign-in", self.sign_in, 3.0)]

        def one(name, ask_once):
            return lambda: self.measured(name, ask_once())

        await asyncio.gather(*(repeat(until, one(name, ask_once), pause) for name, ask_once, pause in kinds),
                             repeat(until, self.create_and_delete, 4.0))

    async def measured(self, name, asked, expected=0.0):
        """The answer, whose wait is written down, but for what it takes on purpose."""
        began = time.monotonic()
        try:
            outcome = await asked
        except (Gone, OSError, asyncio.TimeoutError) as error:
            outcome = (repr(error), None)
        self.waits.setdefault(name, []).append(time.monotonic() - began - expected)
        if outcome[0] not in (200, 201, 204):
            self.wrong.append(f"{name}: {outcome[0]}")
        return outcome

    def forget(self):
        """What was measured before the attack."""
        waits, self.waits, self.wrong = self.waits, {}, []
        return waits

    def harmed(self):
        slow = [f"{name}: {max(waits):.2f} s" for name, waits in self.waits.items() if max(waits) > LIMIT]
        return slow + self.wrong[:5] + ([f"{len(self.wrong)} in all"] if len(self.wrong) > 5 else [])


async def repeat(until, once, pause):
    await asyncio.sleep(min(pause, 1.5))
    while time.monotonic() < until:
        await once()
        await asyncio.sleep(pause)


def at(waits, share):
    """A percentile, in milliseconds."""
    waits = sorted(waits)
    return waits[min(len(waits) - 1, int(len(waits) * share))] * 1000
