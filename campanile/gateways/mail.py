"""Mail to the team through one SMTP server: a text, and the same as HTML."""

import smtplib
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any, Literal

from campanile.sms.errors import ConfigurationError, MailError

TLS_CHOICES = ("none", "starttls", "tls")


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How mail leaves.

    Attributes:
        tls: ``tls`` from the first byte (port 465), ``starttls`` (587) or ``none``; never falls back to less.
        user: empty where the server wants no login.
        ca_file: the authority of an in-house server, where it is not one of the system's.
        timeout_seconds: the total deadline of one mail, from the connection to the answer.
    """

    host: str
    port: int
    sender: str
    recipients: Sequence[str]
    tls: Literal["none", "starttls", "tls"] = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    timeout_seconds: float = 20.0


def send_mail(settings: MailSettings, subject: str, body: str, html: str | None = None) -> None:
    """Send one mail to all recipients, with an HTML part beside the text if there is one.

    Raises:
        MailError: the server did not take it for each of them, or not in time.
        ConfigurationError: the settings name no recipient, no such TLS choice, or an address that is none, or the file
            of the authority cannot be read.
    """
    message = _compose(settings, subject, body, html)
    why, accepted = "", list[str]()
    deadline = _Deadline(settings.timeout_seconds)
    try:
        with deadline, closing(_connect(settings, deadline)) as server:
            refused = server.send_message(message, settings.sender, list(settings.recipients))
            deadline.stop()
            with suppress(smtplib.SMTPException, OSError):
                # It was taken: a bad goodbye must not have it sent again.
                server.quit()
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        why = deadline.words if deadline.has_passed else _words(error)
    else:
        why = _refusals(refused) if refused else ""
        accepted = [address for address in settings.recipients if address not in refused]
    if why:
        raise MailError(_line(settings, why), accepted)


class _Deadline:
    """The total deadline of one mail: a server that answers a little now and then is cut off too."""

    def __init__(self, seconds: float) -> None:
        self.has_passed = False
        self.words = f"timed out: it did not take the mail within {seconds:g} s"
        self._seconds = seconds
        self._ended = threading.Event()
        self._server: smtplib.SMTP | None = None

    def watch(self, server: smtplib.SMTP) -> None:
        """Cut the connection of this server when the time is over."""
        self._server = server

    def stop(self) -> None:
        """End the deadline: the mail was taken, or will not be sent."""
        self._ended.set()

    def __enter__(self) -> None:
        threading.Thread(target=self._cut_when_over, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _cut_when_over(self) -> None:
        if self._ended.wait(self._seconds):
            return
        self.has_passed = True
        while not self._ended.wait(0.05):  # again: STARTTLS replaces the socket
            connection = getattr(self._server, "sock", None)
            if connection is not None:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Server(smtplib.SMTP):
    """A connection that a deadline can cut from its greeting on."""

    def __init__(self, deadline: _Deadline, host: str, port: int, **options: Any) -> None:
        self._deadline = deadline
        super().__init__(host, port, **options)

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        self._deadline.watch(self)
        return super().connect(host, port, source_address)


class _TlsServer(_Server, smtplib.SMTP_SSL):
    """The same with TLS from the first byte."""


def _compose(settings: MailSettings, subject: str, body: str, html: str | None) -> EmailMessage:
    if settings.tls not in TLS_CHOICES:
        raise ConfigurationError(f"mail tls is {settings.tls!r}: it must be one of {', '.join(TLS_CHOICES)}")
    for address in (settings.sender, *settings.recipients):
        check_address(address)
    if not settings.recipients:
        raise ConfigurationError("mail has no recipients")
    message = EmailMessage()
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.recipients)
    # One line whatever comes: a line end in a subject would start a header of somebody else's choice.
    message["Subject"] = " ".join(_encodable(subject).split())
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = make_msgid(domain=settings.sender.rpartition("@")[2])
    message.set_content(_encodable(body), charset="utf-8")
    if html is not None:
        message.add_alternative(_encodable(html), subtype="html", charset="utf-8")
    return message


def check_address(address: str) -> None:
    """Refuse what is no mail address.

    Raises:
        ConfigurationError: it is none.
    """
    if "@" not in address or not address.isprintable() or set(address) & set(' ,;<>"'):
        raise ConfigurationError(f"mail address {address!r} is none: write it like team@example.org")


def _encodable(text: str) -> str:
    """Return the text with a ``?`` for what no mail can hold: halves of characters, and NUL."""
    return text.encode("utf-8", errors="replace").decode("utf-8").replace("\0", "?")


def _connect(settings: MailSettings, deadline: _Deadline) -> smtplib.SMTP:
    """Return a server that has let us in; closed again when it has not."""
    server: _Server
    if settings.tls == "tls":
        server = _TlsServer(
            deadline, settings.host, settings.port, timeout=settings.timeout_seconds, context=_tls_context(settings)
        )
    else:
        server = _Server(deadline, settings.host, settings.port, timeout=settings.timeout_seconds)
    try:
        if settings.tls == "starttls":
            server.starttls(context=_tls_context(settings))
        if settings.user:
            server.login(settings.user, settings.password)
    except BaseException:
        server.close()
        raise
    return server


def _tls_context(settings: MailSettings) -> ssl.SSLContext:
    """Return a context that checks the certificate and the name of the server."""
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except OSError as error:
        raise ConfigurationError(f"SMS_MAIL_CA_FILE {settings.ca_file} cannot be read: {error}") from None


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _refusals(error.recipients)
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_decoded(error.smtp_error)}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _refusals(refused: Mapping[str, tuple[int, bytes]]) -> str:
    words = (f"{address} ({code} {_decoded(reply)})" for address, (code, reply) in refused.items())
    return "refused for " + ", ".join(words)


def _decoded(reply: bytes | str) -> str:
    return reply.decode("utf-8", errors="replace") if isinstance(reply, bytes) else reply


def _line(settings: MailSettings, why: str) -> str:
    line = " ".join(f"mail server {settings.host}:{settings.port}: {why}".split())
    return line.replace(settings.password, "***") if settings.password else line
