"""Clients without a shared secret: certificates with MSAL and azure-identity, keys with Authlib and by the guide."""

import base64
import hashlib
import time
import uuid
from pathlib import Path

import jwt
import msal
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from azure.core.pipeline.transport import RequestsTransport
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientAssertionCredential
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="session")
def certified(demo):
    return demo.described["certificate_clients"][0]


def files(certified):
    return [Path(certified[name]).read_text() for name in ("key_file", "certificate_file")]


def thumbprint(certificate):
    der = base64.b64decode("".join(certificate.strip().splitlines()[1:-1]))
    return hashlib.sha1(der).hexdigest()


def key_clients(demo, profile):
    return [one for one in demo.described["key_clients"] if one["profile"] == profile]


def msal_answer(demo, certified, credential):
    application = msal.ConfidentialClientApplication(
        certified["client_id"],
        client_credential=credential,
        authority=demo.authority,
        instance_discovery=False,
        verify=demo.ca_file,
    )
    return application.acquire_token_for_client(scopes=[f"{certified['resources'][0]}/.default"])


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
def test_msal_certificate(demo, certified, algorithm):
    key, certificate = files(certified)
    named = {
        "PS256": {"public_certificate": certificate},
        "RS256": {"thumbprint": thumbprint(certificate)},
    }
    answer = msal_answer(demo, certified, {"private_key": key, **named[algorithm]})
    assert "access_token" in answer, answer.get("error_description")
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["azpacr"] == "2"


@pytest.mark.parametrize("attempt", [1, 2])
def test_msal_unknown_certificate(demo, certified, attempt):
    key, _ = files(certified)
    answer = msal_answer(demo, certified, {"private_key": key, "thumbprint": "00" * 20})
    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [700027])


def by_azure_identity(demo, certified, pem, **options):
    credential = CertificateCredential(
        demo.tenant_id,
        certified["client_id"],
        certificate_data=pem.encode(),
        authority=demo.base_url,
        disable_instance_discovery=True,
        transport=RequestsTransport(connection_verify=demo.ca_file),
        **options,
    )
    return credential.get_token(f"{certified['resources'][0]}/.default").token


@pytest.mark.parametrize("chain", [False, True])
def test_azure_identity_certificate(demo, certified, chain):
    pem = "".join(files(certified))
    assert by_azure_identity(demo, certified, pem, send_certificate_chain=chain)


def test_azure_identity_signature_by_another_key(demo, certified):
    strangers = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        by_azure_identity(demo, certified, strangers.decode() + files(certified)[1])


def by_authlib(demo, audience):
    """Authlib reads RSA keys alone; it lets assertions live for an hour unless it is told."""
    client = next(one for one in key_clients(demo, "standard") if one["alg"] == "PS256")
    method = PrivateKeyJWT(
        audience,
        claims={"exp": int(time.time()) + 60},
        headers={"kid": client["kid"]},
        alg=client["alg"],
    )
    session = OAuth2Session(client["client_id"], client["jwk"], token_endpoint_auth_method=method)
    session.verify = demo.ca_file
    return session.fetch_token(
        demo.token_url, grant_type="client_credentials", resource=client["resources"][0]
    )


def test_authlib_private_key_jwt(demo):
    assert by_authlib(demo, demo.base_url)["access_token"]


def test_authlib_with_the_audience_of_older_standards(demo):
    with pytest.raises(OAuthError) as refused:
        by_authlib(demo, demo.token_url)
    assert refused.value.error == "invalid_client"


@pytest.fixture(scope="session")
def federated(demo):
    return demo.described["federated_clients"][0]


def service_account_token(federated, **changes):
    """As a cluster projects it: a list of one audience, times, and nothing of the client."""
    now = int(time.time())
    claims = {
        "iss": federated["issuer"],
        "sub": federated["subject"],
        "aud": [federated["audience"]],
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
    }
    key = jwt.PyJWK(federated["jwk"]).key
    headers = {"kid": federated["kid"]}
    return jwt.encode(claims | changes, key, algorithm=federated["alg"], headers=headers)


def by_workload_identity(demo, federated, **changes):
    """What azure-identity's WorkloadIdentityCredential does with the file that it reads."""
    credential = ClientAssertionCredential(
        demo.tenant_id,
        federated["client_id"],
        func=lambda: service_account_token(federated, **changes),
        authority=demo.base_url,
        disable_instance_discovery=True,
        transport=RequestsTransport(connection_verify=demo.ca_file),
    )
    return credential.get_token(f"{federated['resources'][0]}/.default").token


def test_azure_identity_federated(demo, federated):
    token = by_workload_identity(demo, federated)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["azp"] == federated["client_id"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://other.example"}, 700211),
        ({"aud": "api://other"}, 700212),
        ({"sub": "system:serviceaccount:donors:other"}, 700213),
    ],
)
def test_azure_identity_federated_wrong(demo, federated, changes, code):
    with pytest.raises(ClientAuthenticationError, match=f"AADSTS{code}"):
        by_workload_identity(demo, federated, **changes)


def test_federated_at_the_standard_endpoint(demo, federated):
    form = {
        "grant_type": "client_credentials",
        "client_id": federated["client_id"],
        "resource": federated["resources"][0],
        "client_assertion": service_account_token(federated),
        "client_assertion_type": JWT_BEARER,
    }
    answer = demo.post(demo.token_url, form)
    assert answer.status_code == 200, answer.text


def asked_by_the_guide(demo, client):
    now = int(time.time())
    assertion = jwt.encode(
        {
            "iss": client["client_id"],
            "sub": client["client_id"],
            "aud": demo.base_url,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + 60,
        },
        jwt.PyJWK(client["jwk"]).key,
        algorithm=client["alg"],
    )
    form = {
        "grant_type": "client_credentials",
        "resource": client["resources"][0],
        "client_assertion": assertion,
        "client_assertion_type": JWT_BEARER,
    }
    return demo.post(demo.token_url, form)


def test_pyjwt_by_the_guide(demo):
    for client in key_clients(demo, "standard"):
        answer = asked_by_the_guide(demo, client)
        assert answer.status_code == 200, answer.text


def test_fapi2_has_no_bearer_tokens(demo):
    for client in key_clients(demo, "fapi2"):
        answer = asked_by_the_guide(demo, client)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
