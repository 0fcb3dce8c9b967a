"""FAPI 2.0 Security Profile, client credentials, private_key_jwt and DPoP: what its conformance plan asks, module by module.

Expected values come from FAPI 2.0 Security Profile Final, RFC 9449, RFC 7523 and RFC 6749. TLS is looked at in the tests of
the server.
"""

import re

import pytest
import requests
from fapi2 import Fapi2Client, encoded, now

DPOP_ALGORITHMS = ["ES256", "PS256", "EdDSA"]


def described(demo, algorithm):
    clients = demo.described["key_clients"]
    fitting = (one for one in clients if one["profile"] == "fapi2" and one["alg"] == algorithm)
    return next(fitting)


@pytest.fixture(scope="module", params=["ES256", "PS256"])
def key_algorithm(request):
    return request.param


@pytest.fixture(scope="module", params=DPOP_ALGORITHMS)
def client(request, demo, key_algorithm):
    return Fapi2Client(demo, described(demo, key_algorithm), request.param)


@pytest.fixture(scope="module")
def token(client):
    return client.token()


def assert_refused(answer, *errors):
    """RFC 6749 section 5.2: 400, or 401 for invalid_client, and a description of certain characters."""
    told = answer.json()
    assert told["error"] in errors, told
    assert answer.status_code == (401 if told["error"] == "invalid_client" else 400)
    assert answer.headers["content-type"].startswith("application/json")
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*", told["error_description"])


def assert_challenged(answer):
    """RFC 9449 section 7.1."""
    assert answer.status_code == 401
    challenge = answer.headers["www-authenticate"]
    assert re.match(r'DPoP error="invalid_(token|dpop_proof)"', challenge), challenge
    assert 'algs="ES256 PS256 EdDSA"' in challenge


def test_discovery(demo):
    metadata = demo.get_json(demo.server_metadata)
    assert metadata["issuer"] == demo.base_url
    assert "client_credentials" in metadata["grant_types_supported"]
    assert "private_key_jwt" in metadata["token_endpoint_auth_methods_supported"]
    for algorithms in ["token_endpoint_auth_signing_alg", "dpop_signing_alg"]:
        assert set(metadata[f"{algorithms}_values_supported"]) == {"ES256", "PS256", "EdDSA"}


def test_happy_flow(client):
    answer = client.ask()
    told = answer.json()
    assert (answer.status_code, told["token_type"]) == (200, "DPoP")
    assert isinstance(told["expires_in"], int)
    assert not {"refresh_token", "id_token"} & told.keys()
    headers = {"x-fapi-interaction-id": "c770aef3-6784-41f7-8e0e-ff5f97bddb3a"}
    headers |= {"x-fapi-customer-ip-address": "2001:DB8::1893:25c8:1946"}
    called = client.call(told["access_token"], **headers)
    assert called.status_code == 200
    assert called.headers["date"]
    assert called.headers["x-fapi-interaction-id"] == headers["x-fapi-interaction-id"]
    for accepted in ["application/json;charset=UTF-8", "application/json, */*"]:
        assert client.call(told["access_token"], Accept=accepted).status_code == 200


def test_no_token_in_an_address(client, token):
    address = {"access_token": token}
    answer = requests.get(client.api_url, params=address, verify=client.demo.ca_file, timeout=10)
    assert answer.status_code in (400, 401)


def test_the_case_of_the_scheme(client, token):
    for scheme in ["dPOp", "dpop", "DPOP"]:
        assert client.call(token, scheme=scheme).status_code == 200


@pytest.mark.parametrize("seconds", [-10, 8, 10])
def test_proofs_of_clocks_that_are_a_little_off(client, token, seconds):
    def spoil(_, claims):
        claims["iat"] = now() + seconds

    proof = client.proof("POST", client.metadata["token_endpoint"], spoil=spoil)
    assert client.ask(proof=proof).status_code == 200
    assert client.spoilt(token, spoil).status_code == 200


def test_proofs_with_nbf_and_exp(client, token):
    def spoil(_, claims):
        claims |= {"nbf": now(), "exp": now() + 300}

    proof = client.proof("POST", client.metadata["token_endpoint"], spoil=spoil)
    assert client.ask(proof=proof).status_code == 200
    assert client.spoilt(token, spoil).status_code == 200


def test_a_client_id_of_another_client(demo, client, key_algorithm):
    other = described(demo, "PS256" if key_algorithm == "ES256" else "ES256")
    assert_refused(client.ask(client_id=other["client_id"]), "invalid_client", "invalid_request")
    own = described(demo, key_algorithm)
    forged = Fapi2Client(demo, own | {"client_id": other["client_id"]})
    assert_refused(forged.ask(client_id=forged.id), "invalid_client")


def test_no_holder_of_a_key(client):
    assert_refused(client.ask(proof=False), "invalid_dpop_proof")


def test_an_assertion_by_rs256(demo):
    client = Fapi2Client(demo, described(demo, "PS256"))
    assert_refused(client.ask(assertion=client.assertion(algorithm="RS256")), "invalid_client")


def test_no_assertion(client):
    answer = client.ask(assertion=False, client_id=client.id)
    assert_refused(answer, "invalid_client", "invalid_request")


SPOILT_ASSERTIONS = {
    "expired five minutes ago": lambda claims: claims.update(exp=now() - 300),
    "for another server": lambda claims: claims.update(aud="https://other.example/token"),
    "for the token endpoint": lambda claims: claims.update(aud=claims["aud"] + "/oauth2/token"),
    "for several": lambda claims: claims.update(aud=[claims["aud"], "https://other.example"]),
    "for one in a list": lambda claims: claims.update(aud=[claims["aud"]]),
    "without sub": lambda claims: claims.pop("sub"),
    "without jti": lambda claims: claims.pop("jti"),
    "without exp": lambda claims: claims.pop("exp"),
    "70 seconds ahead": lambda claims: claims.update(iat=now() + 70, exp=now() + 130),
    "valid in 70 seconds": lambda claims: claims.update(nbf=now() + 70, exp=now() + 130),
}


@pytest.mark.parametrize("name", SPOILT_ASSERTIONS)
def test_spoilt_assertions(client, name):
    assert_refused(client.ask(assertion=client.assertion(SPOILT_ASSERTIONS[name])), "invalid_client")


def test_an_assertion_eight_seconds_ahead(client):
    ahead = client.assertion(lambda claims: claims.update(iat=now() + 8, nbf=now() + 8))
    assert client.ask(assertion=ahead).status_code == 200


SPOILT_PROOFS = {
    "no typ": lambda header, _: header.pop("typ"),
    "another typ": lambda header, _: header.update(typ="dpop+jwt+wrong"),
    "no alg": lambda header, _: header.update(alg2=header.pop("alg")),
    "no jwk": lambda header, _: header.pop("jwk"),
    "no jti": lambda _, claims: claims.pop("jti"),
    "no htm": lambda _, claims: claims.pop("htm"),
    "no htu": lambda _, claims: claims.pop("htu"),
    "no iat": lambda _, claims: claims.pop("iat"),
    "no ath": lambda _, claims: claims.pop("ath"),
    "another method": lambda _, claims: claims.update(htm="PUT"),
    "another address": lambda _, claims: claims.update(htu=claims["htu"] + "more"),
    "another token": lambda _, claims: claims.update(ath=encoded(b"\0" * 32)),
    "an hour ahead": lambda _, claims: claims.update(iat=now() + 3600),
    "13 seconds ahead": lambda _, claims: claims.update(iat=now() + 13),
    "an hour ago": lambda _, claims: claims.update(iat=now() - 3600),
}


@pytest.mark.parametrize("name", SPOILT_PROOFS)
def test_spoilt_proofs(client, token, name):
    for _ in range(5):
        began = now()
        answer = client.spoilt(token, SPOILT_PROOFS[name])
        if now() - began < 2:
            break  # On a slow machine it is no longer so far ahead when it arrives.
    assert_challenged(answer)


def test_proofs_that_are_none(client, token):
    proof = client.proof("GET", client.api_url, token)
    header, claims, signature = proof.split(".")
    unsigned = encoded({"alg": "none", "typ": "dpop+jwt", "jwk": client.dpop_jwk})
    reversed_signature = signature[::-1]
    spoilt = [f"{header}.{claims}", f"{unsigned}.{claims}.", f"{header}.{claims}.{reversed_signature}"]
    for bad in spoilt:
        assert_challenged(client.call(token, bad))
    assert_challenged(client.call(token, f"{proof}, {client.proof('GET', client.api_url, token)}"))
    private = client.private_dpop_jwk
    assert_challenged(client.spoilt(token, lambda header, _: header.update(jwk=private)))
    assert_challenged(client.call(token, False))
    assert_challenged(client.call(token, False, scheme="Bearer"))
    assert client.call(token, proof).status_code == 200, "the good one still is"
    assert_challenged(client.call(token, proof))


def test_a_proof_by_another_key(demo, client, token, key_algorithm):
    thief = Fapi2Client(demo, described(demo, key_algorithm), client.dpop_algorithm)
    assert_challenged(thief.call(token))


def test_proofs_that_say_more_or_write_the_address_otherwise(client, token):
    host = client.api_url.removeprefix("https")
    for spoil in [
        lambda header, claims: (header.update(tx_id=1), claims.update(tx_id=1)),
        lambda _, claims: claims.update(htu=client.api_url + "?a=b#c"),
        lambda _, claims: claims.update(htu="HTTPS" + host.upper().replace("/DEMO/API", "/demo/api")),
    ]:
        assert client.spoilt(token, spoil).status_code == 200
