"""Callbacks of Kannel: delivery reports at an address that each message names, replies at that of ``kannel.conf``.

The escapes are those of Kannel's user guide, "Parameters (Escape Codes)". Texts come as their bytes, percent-encoded,
in the charset that ``%C`` names.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from campanile.gateways.callbacks.table import CallbackTable, check_callback_secret, has_secret
from campanile.gateways.kannel.report_words import read_word
from campanile.sms.text.masking import mask_numbers
from schemas.gateway import DeliveryReport, IncomingReply

REPORTS = "reports"
REPLIES = "replies"
REPLY_QUERY = "id=%I&from=%p&text=%b&charset=%C&ts=%T"
"""What ``get-url`` of Kannel's ``sms-service`` must end with; a test holds the manual to it."""

_RECEIPT = re.compile(r"\bstat:(?P<status>\w+)(?:.*?\berr:(?P<code>\w+))?")
_REFUSAL = re.compile(r"NACK/(?:0x\w{8}/)?[^\d]*")
_REASON_LENGTH = 200


def report_url(callback_url: str, secret: str, client_ref: str) -> str:
    """Return the address at which Kannel tells what became of a message.

    The reference is all there is to know it by: Kannel gives no message id when it accepts one.
    """
    # Kannel reads %41 as an escape of its own, and writes %% as %.
    ref = quote(client_ref, safe="").replace("%", "%%")
    return f"{callback_url}/kannel/{secret}/{REPORTS}?ref={ref}&status=%d&reason=%A&ts=%T"


def read_report(query: str, received_at: datetime) -> DeliveryReport:
    """Return the report of a callback; told again it is the same, ``report_id`` included.

    Raises:
        ValueError: the address was not one of ours.
    """
    fields = _fields(query)
    ref, status = _text(_needed(fields, "ref")), _status(_needed(fields, "status"))
    word = read_word(status, *_words(_text(fields.get("reason", ""))))
    return DeliveryReport(
        report_id=f"{ref}:{status}",
        gateway_message_id=ref,
        client_ref=ref,
        status=word.meaning.status,
        reason=word.shown,
        is_permanent=word.meaning.is_permanent,
        reported_at=_instant(fields, received_at),
        word=word.raw,
        cause=word.meaning.reason,
    )


def read_reply(query: str, received_at: datetime) -> IncomingReply:
    """Return the reply of a callback.

    Raises:
        ValueError: the address was not the one of the manual.
    """
    fields = _fields(query)
    text = _needed(fields, "text", may_be_empty=True)
    return IncomingReply(
        gateway_reply_id=_text(_needed(fields, "id")),
        sender=_text(_needed(fields, "from")),
        text=_text(text, fields.get("charset", "")),
        received_at=_instant(fields, received_at),
    )


CALLBACKS = CallbackTable(
    needed=("callback_secret",),
    is_genuine=has_secret,
    readers={
        REPORTS: lambda content, received_at: [read_report(content, received_at)],
        REPLIES: lambda content, received_at: [read_reply(content, received_at)],
    },
    methods=frozenset({"GET"}),
    check=check_callback_secret,
)


def _fields(query: str) -> dict[str, str]:
    """Return the parameters, their bytes as Latin-1."""
    return dict(parse_qsl(query, keep_blank_values=True, encoding="latin-1"))


def _needed(fields: Mapping[str, str], name: str, may_be_empty: bool = False) -> str:
    if name not in fields or not (fields[name] or may_be_empty):
        raise ValueError(f"no {name} among the parameters {', '.join(fields) or '(none)'}")
    return fields[name]


def _text(value: str, charset: str = "utf-8") -> str:
    """Return a text; whatever the charset is said to be, one comes out: a STOP must not be lost to a bad byte."""
    raw = value.encode("latin-1")
    for name in (charset, "utf-8"):
        with suppress(LookupError, ValueError):
            text = raw.decode(name)
            text.encode()  # UTF-7 and the like make halves of surrogate pairs, which no store takes
            return text
    return value


def _status(value: str) -> int:
    if not re.fullmatch(r"\d{1,4}", value, re.ASCII):
        raise ValueError("status is no number")
    return int(value)


def _words(words: str) -> tuple[str, str]:
    """Return the word of the operator's receipt or refusal, and all of it; neither has a number or the text."""
    if receipt := _RECEIPT.search(words):
        return receipt["status"], receipt["status"] + (f" {receipt['code']}" if receipt["code"] else "")
    if refusal := _REFUSAL.fullmatch(words):
        return "NACK", refusal[0][:_REASON_LENGTH]
    return "NACK" if words.startswith("NACK") else "", mask_numbers(words)[:_REASON_LENGTH]


def _instant(fields: Mapping[str, str], received_at: datetime) -> datetime:
    """Return Kannel's time, or ours where it tells none."""
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(int(fields.get("ts", "")), UTC)
    return received_at
