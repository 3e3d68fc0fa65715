"""Alerts by mail through a real SMTP server with login and TLS: what arrives, and what each failure leaves behind."""

import contextlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from pydantic import SecretStr

from campanile.services.billing.alerts import fail_if_undelivered, send_waiting_alerts, undelivered
from campanile.services.billing.balance_alert import judge_balance
from campanile.sms.errors import SmsError
from tests.gateways.conftest import Certificate
from tests.services.alert_desk import AlertDesk
from tests.stores import copy_store

PASSWORD = "right horse"


class Postbox:
    """Keeps the mails that are delivered."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 OK"


def check_login(server: object, session: object, envelope: object, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"team", PASSWORD.encode()), handled=False)


class MailServer:
    """A server with STARTTLS and a login that can be stopped and started at the same port."""

    def __init__(self, certificate: Certificate) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.postbox, self._certificate = Postbox(), certificate
        self._controller: Controller | None = None

    def start(self) -> None:
        self._controller = Controller(
            self.postbox,
            hostname="127.0.0.1",
            port=self.port,
            tls_context=self._certificate.server_context(),
            require_starttls=True,
            authenticator=check_login,
            auth_required=True,
        )
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


@pytest.fixture
def server(certificate: Certificate) -> Iterator[MailServer]:
    made = MailServer(certificate)
    made.start()
    yield made
    made.stop()


Low = Callable[..., AlertDesk]


@pytest.fixture
def low(empty_store: Path, tmp_path: Path, server: MailServer, certificate: Certificate) -> Low:
    """Return a function that opens a desk whose balance falls below the threshold, with these settings."""

    def make(**settings: Any) -> AlertDesk:
        desk = AlertDesk(
            copy_store(empty_store, tmp_path / "data" / "sms.duckdb"),
            **{
                "mail_port": server.port,
                "mail_user": "team",
                "mail_password": PASSWORD,
                "mail_ca_file": certificate.ca_file,
                "mail_from": "campanile@example.org",
                "mail_to": ["team@example.org", "ada@example.org"],
                "sandbox_top_up": "https://example.org/top-up",
                "alert_numbers": [],
            }
            | settings,
        )
        desk.put_balance("19.50")
        judge_balance(desk.context, "sandbox")
        return desk

    return make


class Reader(HTMLParser):
    """What a person reads of an HTML page: its text, and the addresses of its links."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.links = "", list[str]()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [str(value) for name, value in attrs if (tag, name) == ("a", "href")]


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert isinstance(found, EmailMessage)
    return str(found.get_content())


def test_a_person_reads_it(low: Low, server: MailServer) -> None:
    desk = low()
    (mail,) = server.postbox.mails
    assert mail["Subject"] == "Campanile: balance of sandbox is 19.50 EUR, below 20.00 EUR"
    assert (mail["From"], mail["To"]) == ("campanile@example.org", "team@example.org, ada@example.org")
    assert mail.get_content_type() == "multipart/alternative"
    text, html = part(mail, "plain"), part(mail, "html")
    reader = Reader()
    reader.feed(html)
    figures = ["19.50 EUR", "433 messages of one segment", "20.00 EUR", "https://example.org/top-up"]
    assert [figure for figure in figures if figure not in text or figure not in reader.text] == []
    assert reader.links == ["https://example.org/top-up"]
    assert undelivered(desk.context) == []


@pytest.fixture(scope="session")
def other_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for another name than that of the server."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("other")
    made = Certificate(folder / "ca.pem", folder / "key.pem")
    names = ["-subj", "/CN=mail.example.net", "-addext", "subjectAltName=DNS:mail.example.net"]
    files = ["-keyout", str(made.key_file), "-out", str(made.ca_file)]
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files],
        check=True,
        capture_output=True,
    )
    return made


class SlowServer:
    """A server that says a little of its greeting now and then, and never ends it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while not self._is_over.is_set():
                connection, _ = self._listener.accept()
                with connection, contextlib.suppress(OSError):
                    connection.sendall(b"220")
                    while not self._is_over.wait(0.05):
                        connection.sendall(b"-")

    def stop(self) -> None:
        self._is_over.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._listener.close()


def break_server(how: str, server: MailServer, other: Certificate, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Break the mail in one way; return the settings that go with it."""
    if how == "wrong password":
        return {"mail_password": "hunter2"}
    if how == "server down":
        server.stop()
        return {}
    if how == "slow server":
        slow = SlowServer()
        request.addfinalizer(slow.stop)
        return {"mail_port": slow.port, "mail_seconds": 0.5}
    if how == "certificate of another name":
        server.stop()
        server._certificate = other
        server.start()
        return {"mail_ca_file": other.ca_file}
    return {"mail_ca_file": None}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("wrong password", "535"),
        ("server down", "Connection refused"),
        ("slow server", "timed out: it did not take the mail within 0.5 s"),
        ("certificate of another name", "certificate verify failed: IP address mismatch"),
        ("certificate of an unknown authority", "certificate verify failed: self"),
    ],
)
def test_a_failure_is_shown_and_the_mail_is_sent_once_when_it_is_over(
    low: Low, server: MailServer, certificate: Certificate, other_certificate: Certificate,
    request: pytest.FixtureRequest, how: str, words: str,
) -> None:  # fmt: skip
    desk = low(**break_server(how, server, other_certificate, request))
    for _ in range(2):
        desk.clock.forward(minutes=5)
        send_waiting_alerts(desk.context)
    assert server.postbox.mails == []
    (item,) = undelivered(desk.context)
    assert words in item
    with pytest.raises(SmsError, match=r"the team was not reached: the mail about balance critical .* after 3 tries"):
        fail_if_undelivered(desk.context)
    assert [secret for secret in ("hunter2", PASSWORD) if secret in item] == []

    server.stop()
    server._certificate = certificate
    server.start()
    good = {"mail_port": server.port, "mail_password": SecretStr(PASSWORD), "mail_ca_file": certificate.ca_file}
    desk.context.settings = desk.context.settings.model_copy(update=good | {"mail_seconds": 20.0})
    for _ in range(3):
        desk.clock.forward(hours=1)
        send_waiting_alerts(desk.context)
    assert len(server.postbox.mails) == 1
    assert undelivered(desk.context) == []
    fail_if_undelivered(desk.context)


def test_a_missing_file_of_the_authority_is_named(low: Low, tmp_path: Path) -> None:
    desk = low(mail_ca_file=tmp_path / "gone.pem")
    (item,) = undelivered(desk.context)
    assert f"SMS_MAIL_CA_FILE {tmp_path / 'gone.pem'} cannot be read: " in item
