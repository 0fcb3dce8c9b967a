"""The OpenAPI document drives schemathesis over the management API, with every role."""

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
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
    )
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-1000:]
    assert "passed" in run.stdout


def test_the_document_is_openapi_3_1(demo):
    document = demo.get_json(f"{demo.base_url}/api/v1/openapi.json")
    assert document["openapi"].startswith("3.1")
    assert len(document["paths"]) > 15
