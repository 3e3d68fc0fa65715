"""Answers of Twilio, read strictly: a value of the wrong kind raises, and ``HttpClient.read`` makes it an error."""

import unicodedata
from datetime import datetime
from typing import Any

from campanile.gateways.answer_fields import read_amount, read_charge, read_id, read_mail_time, read_text
from campanile.gateways.twilio.codes import REFUSALS, REPORT_WORDS, THROTTLES
from campanile.sms.errors import GatewayDenied, GatewayThrottled
from campanile.sms.text.masking import mask_numbers
from schemas.gateway import (
    Balance,
    Charge,
    DeliveryReport,
    IncomingReply,
    Outcome,
    SubmitOutcome,
)


def read_created(client_ref: str, document: Any) -> SubmitOutcome:
    """Return what the answer to a submit says of its message."""
    if "sid" in document:
        return SubmitOutcome(client_ref, Outcome.ACCEPTED, read_id(document["sid"]), None, read_price(document))
    code = document["code"]
    words = mask_numbers(" ".join(f"{code} {read_text(document['message'])}".split()))
    if code in THROTTLES:
        raise GatewayThrottled(f"Twilio asks to slow down: {words}")
    if code not in REFUSALS:
        raise GatewayDenied(f"Twilio refused: {words}")
    return SubmitOutcome(client_ref, REFUSALS[code], reason=words)


def read_page(path: str, document: Any) -> tuple[list[Any], str]:
    """Return the messages of a page of a list, and the path of the next page; empty: this is the last."""
    next_page = document["next_page_uri"] or ""
    if next_page and not next_page.startswith(f"{path}?"):
        raise ValueError("the next page is another list")
    return list(document["messages"]), next_page


def read_numbers(items: str, name: str, document: Any) -> list[str]:
    """Return the numbers of a list that must be whole."""
    if document.get("next_page_uri"):
        raise ValueError(f"{len(document[items])} of {items} are not all")
    return [read_id(item[name]) for item in document[items]]


def may_be(item: Any, text: str) -> bool:
    """Return whether a listed message may be ours; one whose text Twilio had to delete may."""
    return item["direction"] != "inbound" and (not item["body"] or _plain(item["body"]) == _plain(text))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def read_report(item: Any) -> DeliveryReport:
    """Return a listed message as a delivery report."""
    return report_of(
        read_id(item["sid"]),
        read_id(item["status"]),
        item["error_code"],
        read_mail_time(item["date_updated"] or item["date_sent"] or item["date_created"]),
        read_price(item),
    )


def report_of(
    sid: str, status: str, code: int | None, reported_at: datetime, charge: Charge | None = None
) -> DeliveryReport:
    """Return the report on a message; that of its callback and that of its entry in the list are the same.

    Args:
        sid: Twilio's id of the message.
        status: a word of ``REPORT_WORDS``, or one of tomorrow.
        code: the error code, if there is one.
        reported_at: when Twilio changed the status.
        charge: the price comes after the status: that is a report of its own.
    """
    word = REPORT_WORDS.read(status, "" if code is None else str(code))
    priced = f":{charge.amount}" if charge else ""
    return DeliveryReport(
        report_id=f"{sid}:{status}{priced}",
        gateway_message_id=sid,
        client_ref=None,
        status=word.meaning.status,
        reason=word.shown,
        is_permanent=word.meaning.is_permanent,
        reported_at=reported_at,
        charge=charge,
        word=word.raw,
        cause=word.meaning.reason,
    )


def read_price(item: Any) -> Charge | None:
    """Return what a message was charged: Twilio writes it as a negative amount, some time after it was sent."""
    return read_charge(item.get("price"), item.get("price_unit"), item.get("num_segments"))


def read_reply(item: Any) -> IncomingReply:
    """Return a listed message as a reply."""
    # Not date_sent, which may be missing at first: read again, a reply is the same in all it says.
    return IncomingReply(read_id(item["sid"]), read_id(item["from"]), item["body"] or "", created_at(item))


def read_balance(document: Any) -> Balance:
    """Return the balance of the account."""
    return Balance(read_amount(document["balance"]), read_text(document["currency"]))


def created_at(item: Any) -> datetime:
    """Return when Twilio recorded a message."""
    return read_mail_time(item["date_created"])


def sent_at(item: Any) -> datetime:
    """Return when Twilio sent a message, or recorded it while it is not sent."""
    return read_mail_time(item["date_sent"] or item["date_created"])
