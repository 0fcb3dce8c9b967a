"""Floods of what people use before they have signed in."""

import asyncio
import http.server
import json
import secrets
import threading
import time

from attack import ATTACKER, PROXY, TRUSTED, Numbers, attack, flood, many
from http1 import JSON, answer, connect, header, json_request, request, reset
from server import proof_of

CROWD = 4000
SESSION = "/api/v1/session"


def wrong(email):
    return {"email": email, "password": "wrong", "totp": "000000"}


@attack("sign-ins", "160 connections of one source sign in under addresses that nobody has")
async def sign_ins(server, until, _):
    return await flood(server, until, 160, lambda number: json_request(
        "POST", SESSION, body=wrong(f"{number}@nobody.example")))


@attack("sign-ins-crowd", "4,000 connections of one source sign in under addresses that nobody has")
async def sign_ins_crowd(server, until, _):
    return await flood(server, until, CROWD, lambda number: json_request(
        "POST", SESSION, body=wrong(f"{number}@nobody.example")))


@attack("sessions", "4,000 connections of one source present sessions that nobody has")
async def sessions(server, until, _):
    return await flood(server, until, CROWD, lambda _: json_request(
        "GET", "/api/v1/applications", secrets.token_urlsafe(32)))


@attack("lock-out", "wrong passwords for a known person from 200 addresses; then they sign in from a browser that they use",
        variables=(TRUSTED,))
async def lock_out(server, until, _):
    user, numbers = server.summary["users"][-1], Numbers()

    def made(_):
        headers = [f"X-Forwarded-For: 198.51.100.{numbers.next() % 200}"]
        return json_request("POST", SESSION, body=wrong(user["email"]), headers=headers)

    cookie = await browser(server, user)
    met = await flood(server, until, 8, made, PROXY)
    await asyncio.sleep(30 - time.time() % 30)
    status = await from_browser(server, user, cookie)
    met[f"the owner, from a browser that is known: {status}"] += 1
    return met


async def browser(server, user):
    """The cookie that stays in a browser after a sign-in."""
    reader, writer = await connect(server.address, "127.0.0.4")
    writer.write(json_request("POST", SESSION, body=proof_of(user, cookie=True)))
    status, head, body = await answer(reader)
    writer.transport.abort()
    assert status == 201, body
    cookies = [line.split(":", 1)[1].split(";")[0].strip() for line in head.split("\r\n")
               if line.lower().startswith("set-cookie")]
    return next(cookie for cookie in cookies if cookie.startswith("__Host-wmda-device="))


async def from_browser(server, user, cookie):
    reader, writer = await connect(server.address, "127.0.0.5")
    writer.write(json_request("POST", SESSION, body=proof_of(user, cookie=True), headers=[f"Cookie: {cookie}"]))
    status = (await answer(reader))[0]
    writer.transport.abort()
    return status


async def links(server):
    """One-time links, as somebody may have who was invited."""
    admin = await server.sign_in(server.summary["users"][0], ATTACKER)
    made = []
    for number in range(4):
        new = {"email": f"invited{number}@wmda.example", "display_name": "Invited", "roles": ["auditor"]}
        status, body = await server.ask_json("POST", "/api/v1/users", admin, new, ATTACKER)
        assert status == 201, body
        made.append(body["enrolment_url"].split("#token=")[1])
    return made


@attack("enrolments", "500 connections begin enrolments by links that are right: each is a password to be hashed", prepare=links)
async def enrolments(server, until, tokens):
    return await flood(server, until, 500, lambda number: json_request(
        "POST", "/api/v1/enrolment", body={"token": tokens[number % len(tokens)], "password": secrets.token_urlsafe(24)}))


@attack("wrong-enrolments", "500 connections try links that nobody was given")
async def wrong_enrolments(server, until, _):
    return await flood(server, until, 500, lambda _: json_request(
        "POST", "/api/v1/enrolment", body={"token": secrets.token_urlsafe(32), "password": secrets.token_urlsafe(24)}))


async def signed_in(server):
    user = server.summary["users"][4]
    return user, await server.sign_in(user, ATTACKER)


@attack("password-changes", "500 connections of somebody who has signed in change their password, with wrong proof", prepare=signed_in)
async def password_changes(server, until, prepared):
    user, token = prepared

    def made(_):
        body = {"password": "wrong", "totp": "000000", "new_password": secrets.token_urlsafe(24)}
        return json_request("POST", "/api/v1/account/password", token, body)

    return await flood(server, until, 500, made)


class Provider(http.server.BaseHTTPRequestHandler):
    """An OpenID provider that is asked for tokens and takes its time."""

    protocol_version = "HTTP/1.0"

    def do_GET(self):
        issuer = f"http://127.0.0.1:{self.server.server_port}"
        document = {"keys": []} if self.path.endswith("/jwks") else {
            "issuer": issuer, "authorization_endpoint": f"{issuer}/authorize", "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks", "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def do_POST(self):
        time.sleep(30)

    def log_message(self, *_):
        pass


PROVIDER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
PROVIDER.daemon_threads = True
OPENID = (
    ("WMDA_AUTH__IDENTITY__OIDC__ISSUER", f"http://127.0.0.1:{PROVIDER.server_port}"),
    ("WMDA_AUTH__IDENTITY__OIDC__CLIENT_ID", "wmda-auth"),
    ("WMDA_AUTH__IDENTITY__OIDC__CLIENT_SECRET", "secret"),
    ("WMDA_AUTH__IDENTITY__OIDC__ACCEPTED_AMR", "mfa"),
)


async def provider(server):
    threading.Thread(target=PROVIDER.serve_forever, daemon=True).start()


@attack("openid-callbacks", "other sites send a visitor's browser to the OpenID callback; beside it, from 20 addresses, attempts that "
        "were begun here come back while the provider takes its time", prepare=provider, variables=(TRUSTED, *OPENID))
async def openid_callbacks(server, until, _):
    async def work(number):
        headers = [f"X-Forwarded-For: 198.51.100.{number % 20}"]
        reader, writer = await connect(server.address, PROXY)
        try:
            if number % 3 == 0:
                writer.write(request("GET", "/api/v1/session/openid/callback?code=x&state=y", headers))
                return f"not begun here {(await answer(reader))[0]}"
            writer.write(request("GET", "/api/v1/session/openid", headers))
            status, head, _ = await answer(reader)
            if status != 302:
                return f"begin {status}"
            state = header(head, "location").split("state=")[1].split("&")[0]
            cookie = header(head, "set-cookie").split(";")[0]
            callback = f"/api/v1/session/openid/callback?code=x&state={state}"
            writer.write(request("GET", callback, [*headers, f"Cookie: {cookie}"]))
            return f"begun here {(await answer(reader))[0]}"
        finally:
            writer.transport.abort()

    return await many(until, 60, work)


@attack("hang-ups", "64 connections sign in and are reset while that is at work")
async def hang_ups(server, until, _):
    body = json.dumps(wrong("nobody@nobody.example")).encode()

    async def work(number):
        _, writer = await connect(server.address, ATTACKER)
        writer.write(request("POST", SESSION, [JSON], body))
        await writer.drain()
        await asyncio.sleep(0.005 * (number % 5))
        reset(writer)
        return "reset"

    return await many(until, 64, work)
