"""Mail through real servers on this machine."""

import socket
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from campanile.gateways.mail import MailSettings, send_mail
from campanile.sms.errors import ConfigurationError, MailError

# What aiosmtpd has to say about logins in clear: right, and what some tests here are about.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")


class Postbox:
    """Keeps what is delivered; refuses one address."""

    def __init__(self):
        self.mails = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - a name of aiosmtpd
        if address == "gone@example.org":
            return "550 5.1.1 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def start_smtp():
    """Return a function that starts a server and gives its postbox and port."""
    controllers = []

    def start(**options):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        postbox = Postbox()
        controllers.append(Controller(postbox, hostname="127.0.0.1", port=port, **options))
        controllers[-1].start()
        return postbox, port

    yield start
    for controller in controllers:
        controller.stop()


def check_login(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"team", b"right"), handled=False)


def settings(port, **changes):
    values = {"tls": "none", "sender": "campanile@example.org", "recipients": ["team@example.org"], **changes}
    return MailSettings("127.0.0.1", port, **values)


def test_mail_arrives_whole(start_smtp):
    postbox, port = start_smtp()
    send_mail(settings(port, recipients=["a@example.org", "b@example.org"]), "Solde : 3 €", "Bientôt à sec 😀\n.\nFin")
    [(recipients, mail)] = postbox.mails
    assert recipients == ["a@example.org", "b@example.org"]
    assert (mail["From"], mail["To"]) == ("campanile@example.org", "a@example.org, b@example.org")
    assert mail["Subject"] == "Solde : 3 €"
    assert mail["Date"]
    assert mail["Message-ID"]
    assert mail.get_content().splitlines() == ["Bientôt à sec 😀", ".", "Fin"]


SUBJECTS = [
    ("line end", "Alert\r\nBcc: spy@example.org", "Alert Bcc: spy@example.org"),
    ("bare line end", "Alert\nBcc: spy@example.org", "Alert Bcc: spy@example.org"),
    ("bare return", "Alert\rBcc: spy@example.org", "Alert Bcc: spy@example.org"),
    ("other line ends", "Alert\u2028Bcc:\x85spy\x0b", "Alert Bcc: spy"),
    ("blank line", "Alert\n\nbody", "Alert body"),
    ("half a character", "Alert \ud83d", "Alert ?"),
    ("NUL", "Alert\0", "Alert?"),
    ("empty", "", ""),
    ("long", "é" * 500, "é" * 500),
]


@pytest.mark.parametrize(("subject", "arrived"), [row[1:] for row in SUBJECTS], ids=[row[0] for row in SUBJECTS])
def test_subject_is_one_line_and_adds_no_header(start_smtp, subject, arrived):
    postbox, port = start_smtp()
    send_mail(settings(port), subject, "body")
    [(recipients, mail)] = postbox.mails
    assert mail["Subject"] == arrived
    assert mail["Bcc"] is None
    assert recipients == ["team@example.org"]
    assert mail.get_content().strip() == "body"


WRONG_SETTINGS = [
    ("no recipients", {"recipients": []}, "no recipients"),
    ("no address", {"recipients": ["team"]}, "'team' is none"),
    ("line end in an address", {"recipients": ["a@example.org\r\nBcc: b@example.org"]}, "is none"),
    ("line end in the sender", {"sender": "a@example.org\nX: y"}, "is none"),
    ("two in one", {"recipients": ["a@example.org,b@example.org"]}, "is none"),
    ("unknown TLS mode", {"tls": "ssl"}, "it must be one of none, starttls, tls"),
]


@pytest.mark.parametrize(("changes", "words"), [row[1:] for row in WRONG_SETTINGS], ids=[r[0] for r in WRONG_SETTINGS])
def test_wrong_setting_is_refused_before_anything_is_sent(start_smtp, changes, words):
    postbox, port = start_smtp()
    with pytest.raises(ConfigurationError, match=words):
        send_mail(settings(port, **changes), "Alert", "body")
    assert postbox.mails == []


def test_login(start_smtp):
    postbox, port = start_smtp(authenticator=check_login, auth_required=True, auth_require_tls=False)
    send_mail(settings(port, user="team", password="right"), "Alert", "body")
    assert len(postbox.mails) == 1


LOGINS = [
    ("wrong password", {"user": "team", "password": "hunter2"}, "535"),
    ("no login", {}, "530"),
]


@pytest.mark.parametrize(("changes", "words"), [row[1:] for row in LOGINS], ids=[row[0] for row in LOGINS])
def test_refused_login(start_smtp, changes, words):
    postbox, port = start_smtp(authenticator=check_login, auth_required=True, auth_require_tls=False)
    with pytest.raises(MailError, match=f"mail server 127.0.0.1:{port}: .*{words}") as caught:
        send_mail(settings(port, **changes), "Alert", "body")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert postbox.mails == []


REFUSALS = [
    ("all", ["gone@example.org"], 0),
    ("one of two", ["gone@example.org", "team@example.org"], 1),
]


@pytest.mark.parametrize(("recipients", "mails"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_refused_recipient_is_named(start_smtp, recipients, mails):
    postbox, port = start_smtp()
    with pytest.raises(MailError, match=r"refused for gone@example.org \(550 5\.1\.1 no such person\)"):
        send_mail(settings(port, recipients=recipients), "Alert", "body")
    assert len(postbox.mails) == mails


def test_starttls(start_smtp, certificate):
    postbox, port = start_smtp(tls_context=certificate.server_context(), require_starttls=True)
    send_mail(settings(port, tls="starttls", ca_file=certificate.ca_file), "Alert", "body")
    assert len(postbox.mails) == 1


def test_tls_from_the_first_byte(raw_server, certificate):
    server = raw_server(b"554 no thanks\r\n", tls=certificate.server_context())
    with pytest.raises(MailError):
        send_mail(settings(server.port, tls="tls", ca_file=certificate.ca_file, timeout_seconds=0.5), "Alert", "body")


TLS_REFUSALS = [
    ("untrusted certificate", True, "certificate verify failed"),
    ("not offered", False, "STARTTLS"),
]


@pytest.mark.parametrize(("is_offered", "words"), [row[1:] for row in TLS_REFUSALS], ids=[r[0] for r in TLS_REFUSALS])
def test_starttls_never_falls_back(start_smtp, certificate, is_offered, words):
    postbox, port = start_smtp(tls_context=certificate.server_context() if is_offered else None)
    with pytest.raises(MailError, match=words):
        send_mail(settings(port, tls="starttls", user="team", password="hunter2"), "Alert", "body")
    assert postbox.mails == []


def test_no_server_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(MailError, match=f"mail server 127.0.0.1:{port}: Connection refused"):
        send_mail(settings(port), "Alert", "body")


def test_server_that_says_nothing(raw_server):
    server = raw_server(b"")
    with pytest.raises(MailError, match="timed out"):
        send_mail(settings(server.port, timeout_seconds=0.3), "Alert", "body")


def test_password_is_not_in_the_repr():
    assert "hunter2" not in repr(settings(25, password="hunter2"))
