"""Authlib and requests-oauthlib at the standard endpoint, with both ways to send the secret."""

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import BackendApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidClientError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

METHODS = ["client_secret_basic", "client_secret_post"]


def by_authlib(demo, client, secret, method):
    session = AuthlibSession(client.client_id, secret, token_endpoint_auth_method=method)
    return session.fetch_token(
        demo.token_url,
        grant_type="client_credentials",
        resource=client.resource,
        verify=demo.ca_file,
        timeout=10,
    )


def by_requests_oauthlib(demo, client, secret, method):
    session = OAuth2Session(client=BackendApplicationClient(client_id=client.client_id))
    if method == "client_secret_basic":
        identity = {"auth": HTTPBasicAuth(client.client_id, secret)}
    else:
        identity = {"include_client_id": True, "client_secret": secret}
    return session.fetch_token(
        demo.token_url, resource=client.resource, verify=demo.ca_file, timeout=10, **identity
    )


def check(demo, client, token):
    assert token["token_type"] == "Bearer"
    assert isinstance(token["expires_in"], int)
    claims = demo.validate(token["access_token"], client, demo.server_metadata)
    assert claims["client_id"] == client.client_id


@pytest.mark.parametrize("method", METHODS)
def test_authlib(demo, any_client, method):
    check(demo, any_client, by_authlib(demo, any_client, any_client.client_secret, method))


@pytest.mark.parametrize("method", METHODS)
def test_authlib_wrong_secret(demo, smc, method):
    with pytest.raises(OAuthError) as caught:
        by_authlib(demo, smc, smc.wrong_secret, method)
    assert caught.value.error == "invalid_client"


@pytest.mark.parametrize("method", METHODS)
def test_requests_oauthlib(demo, any_client, method):
    check(demo, any_client, by_requests_oauthlib(demo, any_client, any_client.client_secret, method))


@pytest.mark.parametrize("method", METHODS)
def test_requests_oauthlib_wrong_secret(demo, smc, method):
    with pytest.raises(InvalidClientError):
        by_requests_oauthlib(demo, smc, smc.wrong_secret, method)


@pytest.mark.parametrize("method", METHODS)
def test_expired_secret(demo, expired, method):
    with pytest.raises(OAuthError) as caught:
        by_authlib(demo, expired, expired.client_secret, method)
    assert caught.value.error == "invalid_client"
