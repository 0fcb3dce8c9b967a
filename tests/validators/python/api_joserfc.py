"""An API that checks tokens with joserfc."""

import base64
import logging
import os
import re
import threading
import time
import zlib
from wsgiref.simple_server import make_server

import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

URL, TENANT = os.environ["PUBLIC_URL"], os.environ["TENANT"]
AUDIENCE, ALGORITHM, ROLE = os.environ["AUDIENCE"], os.environ["ALGORITHM"], os.environ["ROLE"]
TYPES = {URL: "at+jwt", f"{URL}/{TENANT}/": "JWT", f"{URL}/{TENANT}/v2.0": "JWT"}
ACCESS_TOKEN = jwt.JWTClaimsRegistry(
    leeway=30,
    iss={"essential": True, "values": list(TYPES)},
    aud={"essential": True, "value": AUDIENCE},
    sub={"essential": True}, exp={"essential": True}, nbf={"essential": True}, status={"essential": True},
)


class Unavailable(Exception):
    """Whether the token is good can't be said now."""


class Refused(Exception):
    """A token that is not accepted."""


class Fetched:
    """What an address answers: `read` makes sense of it and says for how many seconds it is fresh."""

    def __init__(self, read):
        self.read, self.known, self.fetch_at, self.lock = read, None, 0.0, threading.Lock()

    def get(self, uri):
        with self.lock:
            if self.known is None or time.monotonic() >= self.fetch_at:
                asked = time.monotonic()
                try:
                    answer = requests.get(uri, timeout=2, allow_redirects=False)
                    answer.raise_for_status()
                    self.known, fresh = self.read(answer, uri)
                    self.fetch_at = asked + fresh
                except (requests.RequestException, JoseError, Refused) as error:
                    logging.warning("%s: %s", uri, error)
            if self.known is None:
                raise Unavailable(uri)
            return self.known


def read_list(answer, uri):
    token = decode(answer.text, ["ES256", "RS256"])
    needed = {name: {"essential": True} for name in ("iat", "exp", "ttl")}
    jwt.JWTClaimsRegistry(sub={"essential": True, "value": uri}, **needed).validate(token.claims)
    packed = token.claims["status_list"]
    if token.header.get("typ") != "statuslist+jwt" or packed["bits"] not in (1, 2, 4, 8):
        raise Refused("not the list that was asked for")
    lst = packed["lst"]
    statuses = zlib.decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))
    return (packed["bits"], statuses, token.claims["exp"]), token.claims["ttl"]


# Keys serve through an outage, and a new key is published long before it signs.
KEYS = Fetched(lambda answer, _: (KeySet.import_key_set(answer.json()), 300))
LISTS = {}


def decode(token, algorithms):
    return jwt.decode(token, KEYS.get(f"{URL}/oauth2/jwks"), algorithms=algorithms)


def claims_of(token):
    decoded = decode(token, [ALGORITHM])
    ACCESS_TOKEN.validate(decoded.claims)
    if TYPES[decoded.claims["iss"]] != decoded.header.get("typ"):
        raise Refused("not an access token")
    if "cnf" in decoded.claims:
        raise Refused("bound to a key: it needs a DPoP proof, which is not checked here")
    place = decoded.claims["status"]["status_list"]
    if not place["uri"].startswith(f"{URL}/"):
        raise Refused("a foreign status list")
    bits, statuses, expires = LISTS.setdefault(place["uri"], Fetched(read_list)).get(place["uri"])
    if time.time() >= expires:
        raise Unavailable("the status list is too old")
    at = place["idx"] * bits
    if statuses[at // 8] >> at % 8 & (1 << bits) - 1:
        raise Refused("its secret is deleted or suspended, or its application disabled")
    return decoded.claims


def authorize(header):
    found = re.fullmatch(r"Bearer ([\w.-]+)", header, re.ASCII | re.IGNORECASE)
    if not found:
        return "401 Unauthorized", ""
    try:
        claims = claims_of(found[1])
    except Unavailable:
        return "503 Service Unavailable", ""
    except (Refused, JoseError, ValueError, KeyError, IndexError, TypeError) as error:
        logging.warning("refused: %s", error)  # the reason is for the log, not for the caller
        return "401 Unauthorized", ""
    return ("200 OK", claims["sub"]) if ROLE in claims["roles"] else ("403 Forbidden", "")


def api(environ, start_response):
    status_line, body = authorize(environ.get("HTTP_AUTHORIZATION", ""))
    challenge = [("WWW-Authenticate", "Bearer")] if status_line.startswith("401") else []
    start_response(status_line, [("Content-Type", "text/plain"), *challenge])
    return [body.encode()]


if __name__ == "__main__":
    make_server("127.0.0.1", int(os.environ["PORT"]), api).serve_forever()
