"""The running demo, read from WMDA_AUTH_DEMO, and what every test asks of it."""

import json
import os
import ssl
from dataclasses import dataclass

import jwt
import pytest
import requests

SEARCH_SANDBOX = "f6d78a69-c840-46a2-941b-a0e08f9296e7"
MATCH_SANDBOX = "fd05059b-9c9e-443c-a7e7-bc4ddfe29f5c"
DATA_SANDBOX = "4ff9e943-41d7-4430-b1cf-5502b9440601"


@dataclass(frozen=True)
class Client:
    """An application with its secret, and the resource that the tests ask for."""

    client_id: str
    client_secret: str
    resource: str
    algorithm: str

    @property
    def scope(self):
        return f"{self.resource}/.default"

    @property
    def wrong_secret(self):
        """The real secret with its last character changed."""
        return self.client_secret[:-1] + ("a" if self.client_secret[-1] != "a" else "b")


class Demo:
    """Addresses and helpers of one running demo."""

    def __init__(self, described):
        self.described = described
        self.base_url = described["base_url"]
        self.tenant_id = described["tenant_id"]
        self.ca_file = described["ca_file"]
        self.authority = f"{self.base_url}/{self.tenant_id}"
        self.token_url = f"{self.base_url}/oauth2/token"
        self.v1_token_url = f"{self.authority}/oauth2/token"
        self.v2_token_url = f"{self.authority}/oauth2/v2.0/token"

    def client(self, resource, algorithm):
        for entry in self.described["clients"]:
            alternative = entry["name"].startswith("PartnerAlternative-")
            if resource in entry["resources"] and not alternative:
                return Client(entry["client_id"], entry["client_secret"], resource, algorithm)
        raise LookupError(f"the demo has no Partner application with the resource {resource}")

    def get_json(self, url):
        answer = requests.get(url, verify=self.ca_file, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def post(self, url, form, **options):
        return requests.post(url, data=form, verify=self.ca_file, timeout=10, **options)

    def validate(self, token, client, metadata_url):
        """Checks a token as a downstream API would; answers its claims."""
        metadata = self.get_json(metadata_url)
        context = ssl.create_default_context(cafile=self.ca_file)
        keys = jwt.PyJWKClient(metadata["jwks_uri"], ssl_context=context)
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=[client.algorithm],
            audience=client.resource,
            issuer=metadata["issuer"],
            options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub"]},
        )
        assert claims["aud"] == client.resource
        return claims

    @property
    def v1_metadata(self):
        return f"{self.authority}/.well-known/openid-configuration"

    @property
    def v2_metadata(self):
        return f"{self.authority}/v2.0/.well-known/openid-configuration"

    @property
    def server_metadata(self):
        return f"{self.base_url}/.well-known/oauth-authorization-server"


@pytest.fixture(scope="session")
def demo():
    return Demo(json.loads(os.environ["WMDA_AUTH_DEMO"]))


@pytest.fixture(scope="session")
def smc(demo):
    return demo.client(SEARCH_SANDBOX, "ES256")


@pytest.fixture(scope="session")
def match(demo):
    return demo.client(MATCH_SANDBOX, "ES256")


@pytest.fixture(scope="session")
def dm(demo):
    return demo.client(DATA_SANDBOX, "RS256")


@pytest.fixture(params=["smc", "match", "dm"])
def any_client(request):
    """Search & Match, Match-Connect (both ES256) and Data Manager (RS256)."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def expired(demo, smc):
    entry = demo.described["expired"]
    return Client(entry["client_id"], entry["client_secret"], smc.resource, smc.algorithm)
