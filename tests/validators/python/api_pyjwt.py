"""An API that checks tokens with PyJWT."""

import base64
import logging
import os
import re
import time
import urllib.request
import zlib
from wsgiref.simple_server import make_server

import jwt

URL, TENANT = os.environ["PUBLIC_URL"], os.environ["TENANT"]
AUDIENCE, ALGORITHM, ROLE = os.environ["AUDIENCE"], os.environ["ALGORITHM"], os.environ["ROLE"]
TYPES = {URL: "at+jwt", f"{URL}/{TENANT}/": "JWT", f"{URL}/{TENANT}/v2.0": "JWT"}
KEYS = jwt.PyJWKClient(f"{URL}/oauth2/jwks", lifespan=300, timeout=2)
LISTS = {}


class Unavailable(Exception):
    """Whether the token is good can't be said now."""


def claims_of(token):
    header = jwt.get_unverified_header(token)
    key = KEYS.get_signing_key(header["kid"])
    claims = jwt.decode(
        token, key, algorithms=[ALGORITHM], audience=AUDIENCE, leeway=30,
        options={"require": ["iss", "sub", "aud", "exp", "nbf", "status"], "strict_aud": True},
    )
    if TYPES.get(claims["iss"]) != header["typ"]:
        raise jwt.InvalidIssuerError("unknown issuer, or not an access token")
    place = claims["status"]["status_list"]
    if status(place["uri"], place["idx"]) != 0:
        raise jwt.InvalidTokenError("its secret was deleted or its application disabled")
    return claims


def status(uri, idx):
    """Read again when its ttl has passed; used until its exp while the server does not answer, and never after that."""
    if not uri.startswith(f"{URL}/"):
        raise jwt.InvalidTokenError("a foreign status list")
    known = LISTS.get(uri)
    if known is None or time.monotonic() >= known["fetch_at"]:
        try:
            known = LISTS[uri] = fetch_list(uri)
        except (OSError, jwt.PyJWTError) as error:
            logging.warning("%s: %s", uri, error)
    if known is None or time.time() >= known["exp"]:
        raise Unavailable("no status list")
    return known["bits"][idx // 8] >> idx % 8 & 1


def fetch_list(uri):
    asked = time.monotonic()
    with urllib.request.urlopen(uri, timeout=2) as answer:
        token = answer.read().decode()
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(
        token, KEYS.get_signing_key(header["kid"]), algorithms=["ES256", "RS256"],
        options={"require": ["sub", "iat", "exp", "ttl"]},
    )
    packed = claims["status_list"]
    if header["typ"] != "statuslist+jwt" or claims["sub"] != uri or packed["bits"] != 1:
        raise jwt.InvalidTokenError("not the list that was asked for")
    lst = packed["lst"]
    bits = zlib.decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))
    return {"bits": bits, "fetch_at": asked + claims["ttl"], "exp": claims["exp"]}


def authorize(header):
    found = re.fullmatch(r"Bearer ([\w.-]+)", header, re.ASCII | re.IGNORECASE)
    if not found:
        return "401 Unauthorized", ""
    try:
        claims = claims_of(found[1])
    except (Unavailable, jwt.PyJWKClientConnectionError):
        return "503 Service Unavailable", ""
    except (jwt.PyJWTError, KeyError, IndexError, TypeError) as error:
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
