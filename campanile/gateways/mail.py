"""Mail to the team: one text message through one SMTP server."""

import smtplib
import ssl
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Literal

from campanile.sms.errors import ConfigurationError, MailError

TLS_CHOICES = ("none", "starttls", "tls")


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How mail leaves.

    Attributes:
        tls: ``tls`` from the first byte (port 465), ``starttls`` (587) or ``none``; never falls back to less.
        user: empty where the server wants no login.
        ca_file: the authority of an in-house server, where it is not one of the system's.
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


def send_mail(settings: MailSettings, subject: str, body: str) -> None:
    """Send one mail to all recipients.

    Raises:
        MailError: the server did not take it for each of them.
        ConfigurationError: the settings name no recipient, no such TLS choice, or an address that is none.
    """
    message = _compose(settings, subject, body)
    why = ""
    try:
        with closing(_connect(settings)) as server:
            refused = server.send_message(message, settings.sender, list(settings.recipients))
            with suppress(smtplib.SMTPException, OSError):
                # It was taken: a bad goodbye must not have it sent again.
                server.quit()
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        why = _words(error)
    else:
        why = _refusals(refused) if refused else ""
    if why:
        raise MailError(_line(settings, why))


def _compose(settings: MailSettings, subject: str, body: str) -> EmailMessage:
    if settings.tls not in TLS_CHOICES:
        raise ConfigurationError(f"mail tls is {settings.tls!r}: it must be one of {', '.join(TLS_CHOICES)}")
    for address in (settings.sender, *settings.recipients):
        if "@" not in address or not address.isprintable() or set(address) & set(' ,;<>"'):
            raise ConfigurationError(f"mail address {address!r} is none: write it like team@example.org")
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
    return message


def _encodable(text: str) -> str:
    """Return the text with a ``?`` for what no mail can hold: halves of characters, and NUL."""
    return text.encode("utf-8", errors="replace").decode("utf-8").replace("\0", "?")


def _connect(settings: MailSettings) -> smtplib.SMTP:
    """Return a server that has let us in; closed again when it has not."""
    if settings.tls == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.host, settings.port, timeout=settings.timeout_seconds, context=_tls_context(settings)
        )
    else:
        server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_seconds)
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
    return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)


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
