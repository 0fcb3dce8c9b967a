"""MSAL Python and azure-identity, pointed at the tenant."""

import msal
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential


def msal_application(demo, client, secret):
    return msal.ConfidentialClientApplication(
        client.client_id,
        client_credential=secret,
        authority=demo.authority,
        instance_discovery=False,
        verify=demo.ca_file,
    )


def test_msal(demo, any_client):
    application = msal_application(demo, any_client, any_client.client_secret)
    answer = application.acquire_token_for_client(scopes=[any_client.scope])
    assert "access_token" in answer, answer.get("error_description")
    demo.validate(answer["access_token"], any_client, demo.v2_metadata)
    cached = application.acquire_token_for_client(scopes=[any_client.scope])
    assert cached["token_source"] == "cache"


def test_msal_by_oidc_authority(demo, smc):
    application = msal.ConfidentialClientApplication(
        smc.client_id,
        client_credential=smc.client_secret,
        oidc_authority=f"{demo.authority}/v2.0",
        verify=demo.ca_file,
    )
    answer = application.acquire_token_for_client(scopes=[smc.scope])
    assert "access_token" in answer, answer.get("error_description")


@pytest.mark.parametrize("attempt", [1, 2])
def test_msal_wrong_secret(demo, smc, attempt):
    application = msal_application(demo, smc, smc.wrong_secret)
    answer = application.acquire_token_for_client(scopes=[smc.scope])
    assert answer["error"] == "invalid_client"
    assert answer["error_codes"] == [7000215]


def test_msal_expired_secret(demo, expired):
    application = msal_application(demo, expired, expired.client_secret)
    answer = application.acquire_token_for_client(scopes=[expired.scope])
    assert answer["error"] == "invalid_client"
    assert answer["error_codes"] == [7000222]


def azure_credential(demo, client, secret):
    return ClientSecretCredential(
        demo.tenant_id,
        client.client_id,
        secret,
        authority=demo.base_url,
        disable_instance_discovery=True,
        connection_verify=demo.ca_file,
        retry_total=0,
    )


def test_azure_identity(demo, any_client):
    with azure_credential(demo, any_client, any_client.client_secret) as credential:
        token = credential.get_token(any_client.scope)
    demo.validate(token.token, any_client, demo.v2_metadata)


def test_azure_identity_wrong_secret(demo, smc):
    with azure_credential(demo, smc, smc.wrong_secret) as credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
            credential.get_token(smc.scope)


def test_azure_identity_expired_secret(demo, expired):
    with azure_credential(demo, expired, expired.client_secret) as credential:
        with pytest.raises(ClientAuthenticationError, match="AADSTS7000222"):
            credential.get_token(expired.scope)
