"""Managers who create secrets and delete them, all at once, and an organisation that is disabled or enabled again each second,
until it is killed.

The summary of the demo is in WMDA_AUTH_DEMO. Prints a line when they have signed in. Uses modules of tests/attacks.
"""

import asyncio
import json
import os
import time

from http1 import Line, json_request
from server import proof_of

API = "/api/v1"
# One person may change a thousand things at once, and then one a second.
AT_ONCE = 12
SOURCE = "127.0.0.1"


class Person:
    def __init__(self, address, user):
        self.line, self.user, self.token = Line(address, SOURCE), user, None

    async def ask(self, method, path, body=None, line=None):
        status, _, text = await (line or self.line).ask(json_request(method, API + path, self.token, body))
        assert status < 300, (method, path, status, text)
        return json.loads(text) if text else None

    async def sign_in(self):
        self.token = (await self.ask("POST", "/session", proof_of(self.user)))["token"]


async def secrets(manager, application, address):
    line = Line(address, SOURCE)
    path = f"/applications/{application}/secrets"
    until = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 200 * 86400))
    while True:
        made = await manager.ask("POST", path, {"name": "load", "expires_at": until}, line)
        await manager.ask("DELETE", f"{path}/{made['id']}", line=line)


async def organisation(admin, client_id):
    one = await admin.ask("GET", f"/applications/{client_id}")
    enabled = True
    while True:
        enabled = not enabled
        await admin.ask("PATCH", f"/organisations/{one['organisation_id']}", {"enabled": enabled})
        await asyncio.sleep(1)


async def main():
    demo = json.loads(os.environ["WMDA_AUTH_DEMO"])
    host, port = demo["base_url"].rsplit("/", 1)[1].split(":")
    address = (host, int(port))
    admin, _, *managers, other = [Person(address, user) for user in demo["users"]]
    for person in [admin, *managers]:
        await person.sign_in()
    print("signed in", flush=True)
    # No application may have more than a few live secrets.
    places = [(manager, application) for manager in managers for application in manager.user["applications"]]
    work = [secrets(*places[number % len(places)], address) for number in range(AT_ONCE)]
    await asyncio.gather(organisation(admin, other.user["applications"][0]), *work)


asyncio.run(main())
