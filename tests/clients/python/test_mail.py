"""The commands that send mail, with a mail server that insists on TLS and on a log-in."""

import json
import os
import socket
import ssl
import subprocess

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

SERVER = os.environ["WMDA_AUTH_SERVER"]
PASSWORD = "p@ss:word"
LOGIN = "relay:p%40ss%3Aword"


class Inbox:
    """Keeps what came, with how it came."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        by_tls = server.transport.get_extra_info("sslcontext") is not None
        self.mails.append((by_tls, session.authenticated, envelope))
        return "250 taken"


def log_in(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"relay", PASSWORD.encode())
    # Not handled: the server itself answers 535.
    return AuthResult(success=right, handled=False)


class Implicit(Controller):
    """TLS from the first byte (RFC 8314)."""

    def factory(self):
        return SMTP(self.handler, authenticator=log_in, auth_required=True, auth_require_tls=False)


class StartTls(Controller):
    """Plain until STARTTLS (RFC 3207)."""

    def __init__(self, handler, context, **options):
        self.context = context
        super().__init__(handler, **options)

    def factory(self):
        options = {"tls_context": self.context, "require_starttls": True}
        return SMTP(self.handler, authenticator=log_in, auth_required=True, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The data of a demo that has ended: it has an expired secret, and a certificate for localhost."""
    folder = tmp_path_factory.mktemp("mail") / "data"
    command = [SERVER, "demo", "--json", "--tls", "--port", "0", "--data-dir", str(folder)]
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    json.loads(demo.stdout.readline())
    demo.terminate()
    assert demo.wait(timeout=20) == 0
    return folder


@pytest.fixture
def relay(folder):
    """Both kinds of server; answers the inbox and their addresses."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "tls-cert.pem", folder / "tls-key.pem")
    inbox = Inbox()
    ports = free_port(), free_port()
    servers = [
        Implicit(inbox, hostname="127.0.0.1", port=ports[0], ssl_context=context, server_hostname="localhost"),
        StartTls(inbox, context, hostname="127.0.0.1", port=ports[1]),
    ]
    for server in servers:
        server.start()
    yield inbox, f"localhost:{ports[0]}", f"localhost:{ports[1]}"
    for server in servers:
        server.stop()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wmda_auth(folder, url, *arguments):
    environment = {**os.environ, "WMDA_AUTH__MAIL__SMTP_URL": url, "SSL_CERT_FILE": str(folder / "tls-ca.pem")}
    command = [SERVER, *arguments, "--data-dir", str(folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("scheme, place", [("smtps", 1), ("smtp", 2)])
def test_a_test_mail_goes_through_tls_and_log_in(folder, relay, scheme, place):
    url = f"{scheme}://{LOGIN}@{relay[place]}"
    sent = wmda_auth(folder, url, "notify", "--send-test", "you@example.org")
    assert sent.returncode == 0, sent.stderr
    [(by_tls, authenticated, envelope)] = relay[0].mails
    assert by_tls and authenticated
    assert envelope.rcpt_tos == ["you@example.org"]


def test_a_refused_log_in_is_told_without_the_password(folder, relay):
    refused = wmda_auth(folder, f"smtps://relay:sentinel7Hk2Qw@{relay[1]}", "notify", "--send-test", "you@example.org")
    assert refused.returncode == 1
    assert "535" in refused.stderr
    assert "sentinel7Hk2Qw" not in refused.stderr + refused.stdout
    assert not relay[0].mails


def test_a_certificate_that_nobody_vouches_for_is_refused(folder, relay):
    environment = {**os.environ, "WMDA_AUTH__MAIL__SMTP_URL": f"smtps://{LOGIN}@{relay[1]}"}
    command = [SERVER, "notify", "--send-test", "you@example.org", "--data-dir", str(folder)]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert "certificate" in refused.stderr.lower()
    assert not relay[0].mails


def test_what_is_due_waits_for_a_server_that_is_down_and_is_sent_once(folder, relay):
    away = wmda_auth(folder, "smtp://localhost:9", "notify")
    assert away.returncode == 0, away.stderr
    assert "0 sent" in away.stdout and "1 secret was due" in away.stdout, away.stdout
    again = wmda_auth(folder, f"smtps://{LOGIN}@{relay[1]}", "notify")
    assert again.returncode == 0, again.stderr
    assert "0 secrets were due" in again.stdout, "it was planned before, and is planned once"
