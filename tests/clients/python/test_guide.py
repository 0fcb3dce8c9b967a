"""The call of WMDA's public guide, with plain requests, and the errors of the Entra routes."""

import re

import pytest


def guide_form(client, secret):
    return {
        "grant_type": "client_credentials",
        "client_id": client.client_id,
        "client_secret": secret,
        "resource": client.resource,
    }


def v2_form(client, secret):
    form = guide_form(client, secret)
    del form["resource"]
    return form | {"scope": client.scope}


def test_guide_answer(demo, any_client):
    answer = demo.post(demo.v1_token_url, guide_form(any_client, any_client.client_secret))
    body = answer.json()
    assert answer.status_code == 200, body.get("error_description")
    assert body["token_type"] == "Bearer"
    assert body["resource"] == any_client.resource
    for name in ("expires_in", "ext_expires_in", "expires_on", "not_before"):
        assert isinstance(body[name], str) and body[name].isdigit()
    assert body["expires_in"] in ("3599", "3600")
    assert int(body["expires_on"]) - int(body["not_before"]) == 3900
    claims = demo.validate(body["access_token"], any_client, demo.v1_metadata)
    assert claims["ver"] == "1.0"
    assert claims["appid"] == any_client.client_id
    assert claims["tid"] == demo.tenant_id


def test_v2_answer_has_integers(demo, any_client):
    answer = demo.post(demo.v2_token_url, v2_form(any_client, any_client.client_secret))
    body = answer.json()
    assert answer.status_code == 200, body.get("error_description")
    assert type(body["expires_in"]) is int and type(body["ext_expires_in"]) is int
    claims = demo.validate(body["access_token"], any_client, demo.v2_metadata)
    assert claims["ver"] == "2.0"
    assert claims["azp"] == any_client.client_id


def test_basic_works_on_the_tenant_route(demo, smc):
    form = {"grant_type": "client_credentials", "resource": smc.resource}
    answer = demo.post(demo.v1_token_url, form, auth=(smc.client_id, smc.client_secret))
    assert answer.status_code == 200, answer.json().get("error_description")


def entra_error(answer, status, code, error):
    body = answer.json()
    assert answer.status_code == status
    assert body["error_codes"] == [code]
    assert body["error"] == error
    assert body["error_description"].startswith(f"AADSTS{code}:")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", body["timestamp"])
    for name in ("trace_id", "correlation_id", "error_uri"):
        assert name in body


@pytest.mark.parametrize("route, form", [("v1_token_url", guide_form), ("v2_token_url", v2_form)])
def test_wrong_secret(demo, smc, route, form):
    answer = demo.post(getattr(demo, route), form(smc, smc.wrong_secret))
    entra_error(answer, 401, 7000215, "invalid_client")


@pytest.mark.parametrize("route, form", [("v1_token_url", guide_form), ("v2_token_url", v2_form)])
def test_expired_secret(demo, expired, route, form):
    answer = demo.post(getattr(demo, route), form(expired, expired.client_secret))
    entra_error(answer, 401, 7000222, "invalid_client")


def test_no_secret(demo, smc):
    form = guide_form(smc, smc.client_secret)
    del form["client_secret"]
    entra_error(demo.post(demo.v1_token_url, form), 401, 7000216, "invalid_client")


def test_resource_of_another_application(demo, smc, dm):
    form = guide_form(dm, dm.client_secret) | {"resource": smc.resource}
    entra_error(demo.post(demo.v1_token_url, form), 400, 650057, "invalid_resource")
