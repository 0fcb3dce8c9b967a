"""Checks access tokens of wmda-auth with PyJWT, and their status; for FastAPI."""

import base64
import logging
import re
import time
import urllib.request
import zlib
from typing import Annotated

import jwt
from fastapi import Header, HTTPException


class Unavailable(Exception):
    """Whether the token is good can't be said now."""


class WmdaAuth:
    """`url`: the server's address; `audience`: your API's resource id; `algorithm`: the one that it was registered with."""

    def __init__(self, url, tenant, audience, algorithm):
        self.url, self.audience, self.algorithm = url, audience, algorithm
        self.types = {url: "at+jwt", f"{url}/{tenant}/": "JWT", f"{url}/{tenant}/v2.0": "JWT"}
        self.keys = jwt.PyJWKClient(f"{url}/oauth2/jwks", lifespan=300, timeout=2)
        self.lists = {}

    def requires(self, role):
        """A dependency of FastAPI: the claims of a caller who holds the role."""

        def caller(authorization: Annotated[str, Header()] = ""):
            found = re.fullmatch(r"Bearer ([\w.-]+)", authorization, re.ASCII | re.IGNORECASE)
            if not found:
                raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
            try:
                claims = self.claims_of(found[1])
            except (Unavailable, jwt.PyJWKClientConnectionError):
                raise HTTPException(503) from None
            except (jwt.PyJWTError, KeyError, IndexError, TypeError) as error:
                logging.warning("refused: %s", error)  # the reason is for the log, not for the caller
                raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"}) from None
            if role not in claims["roles"]:
                raise HTTPException(403)
            return claims

        return caller

    def claims_of(self, token):
        header = jwt.get_unverified_header(token)
        key = self.keys.get_signing_key(header["kid"])
        claims = jwt.decode(
            token, key, algorithms=[self.algorithm], audience=self.audience, leeway=30,
            options={"require": ["iss", "sub", "aud", "exp", "nbf", "status"], "strict_aud": True},
        )
        if self.types.get(claims["iss"]) != header["typ"]:
            raise jwt.InvalidIssuerError("unknown issuer, or not an access token")
        if "cnf" in claims:
            raise jwt.InvalidTokenError("bound to a key: it needs a DPoP proof, which is not checked here")
        reference = claims["status"]["status_list"]
        if self.status(reference["uri"], reference["idx"]) != 0:
            raise jwt.InvalidTokenError("its secret was deleted or its application disabled")
        return claims

    def status(self, uri, idx):
        """Read again when its ttl has passed; used until its exp while the server does not answer, and never after that."""
        if not uri.startswith(f"{self.url}/") or idx < 0:
            raise jwt.InvalidTokenError("a foreign status list")
        known = self.lists.get(uri)
        if known is None or time.monotonic() >= known["fetch_at"]:
            try:
                known = self.lists[uri] = self.fetch_list(uri)
            except (OSError, jwt.PyJWTError) as error:
                logging.warning("%s: %s", uri, error)
        if known is None or time.time() >= known["exp"]:
            raise Unavailable("no status list")
        bits, statuses = known["bits"], known["statuses"]
        return statuses[idx * bits // 8] >> idx * bits % 8 & (1 << bits) - 1

    def fetch_list(self, uri):
        asked = time.monotonic()
        with urllib.request.urlopen(uri, timeout=2) as answer:
            token = answer.read().decode()
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(
            token, self.keys.get_signing_key(header["kid"]), algorithms=["ES256", "RS256"],
            options={"require": ["sub", "iat", "exp", "ttl"]},
        )
        if header["typ"] != "statuslist+jwt" or claims["sub"] != uri:
            raise jwt.InvalidTokenError("not the list that was asked for")
        lst = claims["status_list"]["lst"]
        statuses = zlib.decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))
        return {
            "bits": claims["status_list"]["bits"], "statuses": statuses,
            "fetch_at": asked + claims["ttl"], "exp": claims["exp"],
        }
