"""A FAPI 2.0 client as a conformance suite would write it: every part of a request can be spoilt."""

import base64
import hashlib
import json
import time
import uuid

import requests
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = get_default_algorithms()
GENERATED = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def encoded(value):
    octets = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def signed(header, claims, key, algorithm):
    """A JWS by this algorithm, whatever its header says."""
    text = f"{encoded(header)}.{encoded(claims)}"
    return f"{text}.{encoded(ALGORITHMS[algorithm].sign(text.encode(), key))}"


def now():
    return int(time.time())


class Fapi2Client:
    """One application of the profile, with a key of its own for DPoP."""

    def __init__(self, demo, described, dpop_algorithm="ES256"):
        self.demo = demo
        self.metadata = demo.get_json(demo.server_metadata)
        self.api_url = demo.described["api_url"]
        self.id, self.kid = described["client_id"], described["kid"]
        self.algorithm, self.jwk = described["alg"], described["jwk"]
        self.dpop_algorithm = dpop_algorithm
        self.new_dpop_key()

    def new_dpop_key(self):
        self.dpop_key = GENERATED[self.dpop_algorithm]()
        to_jwk = ALGORITHMS[self.dpop_algorithm].to_jwk
        self.dpop_jwk = to_jwk(self.dpop_key.public_key(), as_dict=True)
        self.private_dpop_jwk = to_jwk(self.dpop_key, as_dict=True)
        for jwk in (self.dpop_jwk, self.private_dpop_jwk):
            jwk.pop("key_ops", None)

    def assertion(self, spoil=lambda claims: None, jwk=None, algorithm=None):
        claims = {"iss": self.id, "sub": self.id, "aud": self.metadata["issuer"]}
        claims |= {"jti": uuid.uuid4().hex, "nbf": now(), "iat": now(), "exp": now() + 60}
        spoil(claims)
        algorithm = algorithm or self.algorithm
        private = {name: value for name, value in (jwk or self.jwk).items() if name != "alg"}
        key = ALGORITHMS[algorithm].from_jwk(private)
        return signed({"alg": algorithm, "kid": private["kid"]}, claims, key, algorithm)

    def proof(self, method, url, token=None, spoil=lambda header, claims: None):
        header = {"alg": self.dpop_algorithm, "typ": "dpop+jwt", "jwk": dict(self.dpop_jwk)}
        claims = {"jti": uuid.uuid4().hex, "iat": now(), "htm": method, "htu": url}
        if token:
            claims["ath"] = encoded(hashlib.sha256(token.encode()).digest())
        spoil(header, claims)
        return signed(header, claims, self.dpop_key, self.dpop_algorithm)

    def ask(self, assertion=None, proof=None, **changes):
        """Asks for a token; a part that is false is left out."""
        form = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER}
        form["client_assertion"] = self.assertion() if assertion is None else assertion
        if assertion is False:
            form = {"grant_type": "client_credentials"}
        endpoint = self.metadata["token_endpoint"]
        proof = self.proof("POST", endpoint) if proof is None else proof
        return self.demo.post(endpoint, form | changes, headers={"DPoP": proof} if proof else {})

    def token(self):
        answer = self.ask()
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def call(self, token, proof=None, scheme="DPoP", **headers):
        proof = self.proof("GET", self.api_url, token) if proof is None else proof
        headers |= {"Authorization": f"{scheme} {token}"} | ({"DPoP": proof} if proof else {})
        return requests.get(self.api_url, headers=headers, verify=self.demo.ca_file, timeout=10)

    def spoilt(self, token, spoil):
        return self.call(token, self.proof("GET", self.api_url, token, spoil))
