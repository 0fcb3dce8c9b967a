"""Floods of the endpoints of machines: by nobody, and by members with a right credential."""

import json
import os
import secrets

import keys
from attack import ATTACKER, PRIVATE, PROXY, TRUSTED, Line, Numbers, attack, flood, many
from http1 import ask, form_request, json_request
from members import of_nobody, well_formed

CROWD = 4000
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def with_secret(path, member, headers=(), **more):
    return form_request(path, headers, client_id=member["client_id"], client_secret=member["client_secret"], **more)


def token_request(member, headers=(), **more):
    if "resource" not in more:
        more["resource"] = member["resources"][0]
    return with_secret("/oauth2/token", member, headers, grant_type="client_credentials", **more)


@attack("wrong-secrets", "4,000 connections of one source try secrets of clients that nobody has")
async def wrong_secrets(server, until, _):
    numbers = Numbers()
    return await flood(server, until, CROWD, lambda _: token_request(of_nobody(numbers.next())))


@attack("wrong-secrets-entra", "4,000 connections of one source try secrets of a known client at Entra's route")
async def wrong_secrets_entra(server, until, _):
    known = server.summary["clients"][1]["client_id"]
    path = f"/{server.summary['tenant_id']}/oauth2/v2.0/token"
    return await flood(server, until, CROWD, lambda _: form_request(
        path, grant_type="client_credentials", client_id=known, client_secret=secrets.token_urlsafe(30),
        scope=f"{server.summary['clients'][1]['resources'][0]}/.default"))


@attack("networks", "one IPv6 /64 through a trusted proxy: each of its addresses fails once", variables=(TRUSTED,))
async def networks(server, until, _):
    numbers = Numbers()

    def made(_):
        number = numbers.next()
        headers = [f"X-Forwarded-For: 2001:db8:0:1::{number % 65535 + 1:x}"]
        return token_request(of_nobody(number), headers)

    return await flood(server, until, 2000, made, PROXY)


@attack("own-tokens", "2,000 connections of a member with a right secret ask for RS256 tokens without end")
async def own_tokens(server, until, _):
    member = server.summary["clients"][1]
    return await flood(server, until, 2000, lambda _: token_request(member))


@attack("introspections", "2,000 connections of an API with a right secret ask about tokens without end")
async def introspections(server, until, _):
    member, caller = server.summary["clients"][2], server.summary["resource_servers"][1]
    status, body = await ask(server.address, ATTACKER, token_request(member))
    assert status == 200, body
    token = json.loads(body)["access_token"]
    return await flood(server, until, 2000, lambda _: with_secret("/oauth2/introspect", caller, token=token))


@attack("revocations", "500 connections of a member get tokens and revoke each", rows=6_000)
async def revocations(server, until, _):
    member, tokens = server.summary["clients"][2], {}

    lines = [Line(server.address, ATTACKER) for _ in range(500)]

    async def work(number):
        if number not in tokens:
            status, _, body = await lines[number].ask(token_request(member))
            if status != 200:
                return f"token {status}"
            tokens[number] = json.loads(body)["access_token"]
        status, _, _ = await lines[number].ask(with_secret("/oauth2/revoke", member, token=tokens[number]))
        if status == 200:
            del tokens[number]
        return f"revoke {status}"

    return await many(until, 500, work)


def self_rotating(server, client):
    server.write("UPDATE applications SET self_rotation = 1 WHERE client_id = ?", [(client,)])


async def rotating(server):
    """A member that may exchange its secret by itself; its manager has switched that on."""
    member = server.summary["clients"][3]
    self_rotating(server, member["client_id"])
    return member


@attack("rotations", "2,000 connections exchange a right secret, again and again", prepare=rotating)
async def rotations(server, until, member):
    return await flood(server, until, 2000, lambda _: with_secret("/oauth2/rotate-secret", member))


@attack("wrong-rotations", "4,000 connections try to exchange secrets of clients that nobody has")
async def wrong_rotations(server, until, _):
    numbers = Numbers()
    return await flood(server, until, CROWD, lambda _: with_secret("/oauth2/rotate-secret", of_nobody(numbers.next())))


@attack("leak-reports", "2,000 connections report well-formed secrets that nobody has, some of 16 KiB of junk")
async def leak_reports(server, until, _):
    def made(number):
        secret = well_formed() if number % 4 else "x" * 16_000
        return json_request("POST", "/credentials/report", body={"secret": secret})

    return await flood(server, until, 2000, made)


@attack("leak-reports-networks", "leak reports, each from an IPv6 /64 of its own", variables=(TRUSTED,))
async def leak_reports_networks(server, until, _):
    numbers = Numbers()

    def made(_):
        number = numbers.next()
        headers = [f"X-Forwarded-For: 2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"]
        return json_request("POST", "/credentials/report", body={"secret": well_formed()}, headers=headers)

    return await flood(server, until, 500, made, PROXY)


@attack("refusal-records", "500 connections of one source are refused for every cause: clients, routes, resources and programs are invented")
async def refusal_records(server, until, _):
    expired = server.summary["expired"]
    tenant = server.summary["tenant_id"]

    def made(number):
        headers = [f"User-Agent: program/{secrets.token_hex(8)}"]
        resource = secrets.token_hex(16)
        if number % 3 == 0:
            return token_request(expired, headers, resource=resource)
        path = ("/oauth2/token", f"/{tenant}/oauth2/token", "/oauth2/revoke", "/oauth2/introspect")[number % 4]
        return form_request(path, headers, grant_type="client_credentials", client_id=secrets.token_hex(16),
                            client_secret="wrong", resource=resource, token="x")

    return await flood(server, until, 500, made)


def junk_assertion(client, algorithm, kid, issuer=None):
    head = {"alg": algorithm, "typ": "JWT", "kid": kid}
    claims = keys.claims(client, "http://here/oauth2/token", issuer)
    return keys.junk(head, claims, keys.SIGNATURES[algorithm])


def assertion_request(assertion, path="/oauth2/token"):
    return form_request(path, grant_type="client_credentials", client_assertion_type=ASSERTION,
                        client_assertion=assertion)


@attack("junk-assertions", "2,000 connections present assertions for known clients with keys, signed by nobody")
async def junk_assertions(server, until, _):
    known = server.summary["key_clients"]

    def made(number):
        one = known[number % len(known)]
        return assertion_request(junk_assertion(one["client_id"], one["alg"], one["kid"]))

    return await flood(server, until, 2000, made)


async def costly_keys(server):
    """A manager registers the costliest keys that there are, under one issuer."""
    client = server.summary["clients"][4]["client_id"]
    manager = await server.sign_in(server.summary["users"][3], ATTACKER)
    issuer = "https://issuer.example"
    for number in range(20):
        body = {"name": f"costly {number}", "issuer": issuer, "subject": "s", "audience": f"a{number}",
                "jwks": {"keys": [keys.costly(f"k{number}-{one}") for one in range(18)]}}
        status, told = await server.ask_json("POST", f"/api/v1/applications/{client}/federated-credentials", manager, body,
                                             ATTACKER)
        assert status == 201, told
    return client, issuer


@attack("costly-keys", "500 connections present junk to be checked against 360 RSA keys of 4,096 bits that a manager has registered",
        prepare=costly_keys)
async def costly(server, until, prepared):
    client, issuer = prepared
    head = {"alg": "PS256", "typ": "JWT"}
    claims = {**keys.claims(client, "a0", issuer), "sub": "s"}

    def made(_):
        return form_request("/oauth2/token", grant_type="client_credentials", client_id=client,
                            client_assertion_type=ASSERTION, client_assertion=keys.junk(head, claims, keys.COSTLY))

    return await flood(server, until, 500, made)


async def published_keys(server):
    """A manager registers places that publish keys: one never answers, one sends without end, one holds a bomb."""
    client = server.summary["clients"][4]["client_id"]
    manager = await server.sign_in(server.summary["users"][3], ATTACKER)
    places = keys.Places()
    for name in ("silent", "endless", "deep", "many"):
        body = {"name": name, "jwks_uri": f"http://127.0.0.1:{places.port}/{name}"}
        status, told = await server.ask_json("POST", f"/api/v1/applications/{client}/keys", manager, body, ATTACKER)
        assert status == 201, told
    return client, places


@attack("published-keys", "500 connections present junk for a client whose keys are at places that never answer, send without end, or hold a bomb",
        prepare=published_keys, variables=(PRIVATE,))
async def published(server, until, prepared):
    client, _ = prepared
    return await flood(server, until, 500, lambda _: assertion_request(
        junk_assertion(client, "PS256", secrets.token_hex(4))))


@attack("junk-proofs", "2,000 connections of a member with a right secret send DPoP proofs with RSA keys of 4,096 bits, signed by nobody")
async def junk_proofs(server, until, _):
    member = server.summary["clients"][2]
    jwk = {name: value for name, value in keys.costly("k").items() if name in ("kty", "n", "e")}

    def made(_):
        head = {"typ": "dpop+jwt", "alg": "PS256", "jwk": jwk}
        proof = keys.junk(head, keys.proof_claims(server.summary["base_url"] + "/oauth2/token"), keys.COSTLY)
        return token_request(member, [f"DPoP: {proof}"])

    return await flood(server, until, 2000, made)


@attack("proofs", "1,000 connections of a member with a right secret ask for tokens with right DPoP proofs", rows=200_000)
async def proofs(server, until, _):
    member = server.summary["clients"][2]
    url = server.summary["base_url"] + "/oauth2/token"
    return await flood(server, until, 1000, lambda _: token_request(member, [f"DPoP: {keys.proof(url)}"]))


@attack("unknown-targets", "2,000 connections of a member with a right secret ask for resources that nobody has")
async def unknown_targets(server, until, _):
    member = server.summary["clients"][2]
    return await flood(server, until, 2000, lambda _: token_request(member, resource=f"https://{os.urandom(8).hex()}.example"))
