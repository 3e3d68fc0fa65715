"""Answers of OVHcloud, read strictly: a value of the wrong kind raises, and ``HttpClient.read`` makes it an error."""

import hashlib
import re
from typing import Any

from campanile.gateways.answer_fields import read_charge, read_id, read_instant, read_number, read_text
from campanile.gateways.ovhcloud.report_words import REPORT_WORDS
from schemas.gateway import (
    Balance,
    Charge,
    DeliveryReport,
    IncomingReply,
)
from schemas.report_words import PENDING, ReportStatus

TAG_LENGTH = 20
_TAG = re.compile(rf"[0-9a-f]{{{TAG_LENGTH}}}")


def message_id(tag: str, msisdn: str) -> str:
    """Return our own id of a message: the ids of a job are not said to be in the order of its receivers."""
    return f"{tag}-{digest_of(f'{tag} {digits(msisdn)}')[:16]}"


def read_report(item: Any) -> DeliveryReport:
    """Return a listed message as a delivery report."""
    receipt, ptt = int(item["deliveryReceipt"]), int(item["ptt"])
    word = REPORT_WORDS.read(f"receipt {receipt}", f"ptt {ptt}")
    return DeliveryReport(
        report_id=f"{int(item['id'])}:{receipt}:{ptt}",
        gateway_message_id=message_id(item["tag"], item["receiver"]),
        client_ref=None,
        status=word.meaning.status,
        reason=word.shown,
        is_permanent=word.meaning.is_permanent,
        reported_at=read_instant(item.get("deliveredAt") or item.get("sentAt") or item["creationDatetime"]),
        charge=read_price(item),
        word=word.raw,
        cause=word.meaning.reason,
    )


def is_pending(item: Any) -> bool:
    """Return whether a listed message is not final."""
    return REPORT_WORDS.words.get(f"receipt {item['deliveryReceipt']}", PENDING).status is ReportStatus.PENDING


def is_known_pending(item: Any) -> bool:
    """Return whether a listed message says nothing yet: it is pending, by a word of the table."""
    return is_pending_receipt(str(item["deliveryReceipt"]))


def is_pending_receipt(code: str) -> bool:
    """Return whether a delivery receipt is in the table and says that the message is on its way."""
    return REPORT_WORDS.words.get(f"receipt {code}") == PENDING


def read_price(item: Any) -> Charge | None:
    """Return the credits that a message of the history took. A job says only what all of its messages took together."""
    return read_charge(item.get("credits"), "credit", item.get("numberOfSms"))


def read_reply(item: Any) -> IncomingReply:
    """Return a listed incoming message as a reply."""
    return IncomingReply(
        str(int(item["id"])),
        plus(read_id(item["sender"])),
        read_text(item["message"]),
        read_instant(item["creationDatetime"]),
    )


def read_ids(document: Any) -> list[int]:
    """Return a list of ids."""
    return [int(number) for number in document]


def read_values(document: Any) -> list[Any]:
    """Return the values of a batch answer; an error in one of them is an error of all."""
    if failed := [item["key"] for item in document if item["error"] is not None]:
        raise ValueError(f"{len(failed)} of {len(document)} could not be read")
    return [item["value"] for item in document]


def read_present(document: Any) -> list[Any]:
    """Return what is still there: a job may leave while we read."""
    return [item["value"] for item in document if item["error"] is None]


def digits(number: str) -> str:
    """Return the digits of a number."""
    return re.sub(r"\D", "", number).removeprefix("00")


def plus(number: str) -> str:
    """Return an international number with its plus; short codes and names as they are."""
    return f"+{number.removeprefix('00')}" if number.startswith("00") else number


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_balance(document: Any) -> Balance:
    """Return the credits of the account."""
    return Balance(read_number(document["creditsLeft"]), "credit")
