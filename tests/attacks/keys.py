"""JWTs and keys that attackers make: junk with a plausible form, and right proofs."""

import base64
import hashlib
import http.server
import json
import secrets
import threading
import time

# P-256 (SP 800-186 §3.2.1.3): its order, and the coordinates of its generator.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
GENERATOR = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
             0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
# Bytes of the longest RSA keys that are accepted.
COSTLY = 512
# Bytes of a signature, by algorithm.
SIGNATURES = {"ES256": 64, "EdDSA": 64, "PS256": 256, "RS256": 256}


def encoded(content):
    if not isinstance(content, bytes):
        content = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def junk(head, claims, length):
    """A JWT that nobody signed; the first bit of the signature is off, so that it is less than any modulus."""
    signature = bytes([secrets.randbelow(127) + 1]) + secrets.token_bytes(length - 1)
    return f"{encoded(head)}.{encoded(claims)}.{encoded(signature)}"


def claims(client, audience, issuer=None):
    now = int(time.time())
    return {"iss": issuer or client, "sub": client, "aud": audience, "iat": now, "exp": now + 60,
            "jti": secrets.token_hex(8)}


def proof_claims(url):
    return {"htm": "POST", "htu": url, "iat": int(time.time()), "jti": secrets.token_hex(8)}


def costly(kid):
    """The public key whose check takes the longest of all that are accepted. Nobody knows its factors."""
    modulus = bytes([0xFF]) + secrets.token_bytes(COSTLY - 2) + b"\x01"
    return {"kty": "RSA", "kid": kid, "n": encoded(modulus), "e": encoded(b"\xff\xff\xff\xff")}


def number(value):
    return encoded(value.to_bytes(32, "big"))


PROOF_HEAD = encoded({"typ": "dpop+jwt", "alg": "ES256", "jwk": {
    "kty": "EC", "crv": "P-256", "x": number(GENERATOR[0]), "y": number(GENERATOR[1])}})


def proof(url):
    """A right DPoP proof at the cost of one hash: the private key is 1, and so is the number that should be secret and random
    for each signature (FIPS 186-5 §6.4)."""
    text = f"{PROOF_HEAD}.{encoded(proof_claims(url))}"
    r = GENERATOR[0] % ORDER
    s = (int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") + r) % ORDER
    return f"{text}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class Places:
    """Where keys are published, by a member that means ill."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Place)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Place(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        try:
            self.answer(self.path.strip("/"))
        except OSError:
            pass

    def answer(self, name):
        if name == "silent":
            time.sleep(30)
        self.send_response(200)
        self.end_headers()
        if name == "endless":
            for _ in range(3000):
                self.wfile.write(b" " * 10)
                time.sleep(0.01)
        elif name == "deep":
            self.wfile.write(b'{"keys":' + b"[" * 60_000)
        elif name == "many":
            self.wfile.write(json.dumps({"keys": [{**costly("k"), "kid": None} for _ in range(45)]}).encode())

    def log_message(self, *_):
        pass
