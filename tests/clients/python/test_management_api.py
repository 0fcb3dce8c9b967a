"""The OpenAPI document: openapi-python-client makes a client of it, and it drives schemathesis over the management API, with every role."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pyotp
import pytest
import requests

ROLES = ["admin", "auditor", "credential_manager"]
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(scope="module")
def tokens(demo):
    """A session of each role, opened before anything is tried: attempts are throttled by source."""
    opened = {}
    for user in demo.described["users"]:
        proof = {
            "email": user["email"],
            "password": user["password"],
            "totp": pyotp.TOTP(user["totp_secret"]).now(),
        }
        answer = requests.post(f"{demo.base_url}/api/v1/session", json=proof, verify=demo.ca_file, timeout=10)
        assert answer.status_code == 201, answer.text
        opened.setdefault(user["role"], answer.json()["token"])
    return opened


@pytest.fixture
def generated(demo, tmp_path, monkeypatch):
    """The modules of a package made anew; a part of the document that the generator does not understand fails it."""
    document, settings = tmp_path / "openapi.json", tmp_path / "settings.yaml"
    answer = requests.get(f"{demo.base_url}/api/v1/openapi.json", verify=demo.ca_file, timeout=10)
    document.write_bytes(answer.content)
    # Without the tools that would only give the generated files another form.
    settings.write_text("post_hooks: []\n")
    program = Path(sys.executable).parent / "openapi-python-client"
    command = [program, "generate", "--path", document, "--config", settings, "--fail-on-warning"]
    command += ["--meta", "none", "--output-path", tmp_path / "generated_client"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    monkeypatch.syspath_prepend(tmp_path)
    return lambda module: importlib.import_module(f"generated_client.{module}")


# Before schemathesis changes what there is to read.
def test_a_generated_client_reads_what_needs_attention(demo, tokens, generated):
    client = generated("client").AuthenticatedClient(
        base_url=demo.base_url, token=tokens["auditor"], verify_ssl=demo.ca_file
    )
    read = generated("api.wmda_team.get_attention").sync(client=client)
    concern = generated("models.concern").Concern
    expiring = [item for item in read.items if item.kind is concern.SECRET_EXPIRING]
    assert len(expiring) == read.counts.secret_expiring > 0, "one secret of the demo expires in 20 days"
    assert all(item.expires_at.tzinfo and item.secret_id and item.secret_name for item in expiring)
    assert all(item.able_managers is None for item in expiring)
    # Nothing is answered that the document does not know.
    assert not any(part.additional_properties for part in [read, read.counts, *read.items])


@pytest.mark.parametrize("role", ROLES)
def test_every_answer_is_documented_and_none_is_a_failure_of_ours(demo, tokens, role, tmp_path):
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "run",
        f"{demo.base_url}/api/v1/openapi.json",
        "--header",
        f"Authorization: Bearer {tokens[role]}",
        "--tls-verify",
        demo.ca_file,
        "--checks",
        CHECKS,
        "--phases",
        "examples,coverage,fuzzing",
        # It would end the session by which it works.
        "--exclude-path",
        "/api/v1/session",
        "--max-examples",
        "15",
        "--seed",
        "1",
        "--no-color",
    ]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1,localhost"}
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-1000:]
    assert "passed" in run.stdout


def test_the_document_is_openapi_3_1(demo):
    document = demo.get_json(f"{demo.base_url}/api/v1/openapi.json")
    assert document["openapi"].startswith("3.1")
    assert len(document["paths"]) > 15
