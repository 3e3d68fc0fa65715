"""Answers of OVHcloud, read strictly: a value of the wrong kind raises, and ``HttpClient.read`` makes it an error."""

import hashlib
import re
from typing import Any

from campanile.gateways.answer_fields import read_charge, read_id, read_instant, read_text
from schemas.gateway import (
    Charge,
    DeliveryReport,
    IncomingReply,
)

RECEIPTS = {0: "pending", 1: "delivered", 2: "undelivered", 4: "pending", 8: "pending", 16: "undelivered"}

PTT_WORDS = {
    5: "undelivered",
    6: "unknown end",
    8: "validity expired",
    20: "badly formed",
    23: "bad or barred number",
    24: "absent",
    25: "network trouble",
    26: "handset trouble",
    27: "handset not able",
    28: "taken for spam",
    29: "content refused",
    73: "ported, out of reach",
    74: "roaming, out of reach",
    76: "ported, blocked",
    202: "ported, blocked",
}
DEAD_NUMBER = frozenset({23})
TAG_LENGTH = 20
_TAG = re.compile(rf"[0-9a-f]{{{TAG_LENGTH}}}")


def message_id(tag: str, msisdn: str) -> str:
    """Return our own id of a message: the ids of a job are not said to be in the order of its receivers."""
    return f"{tag}-{digest_of(f'{tag} {digits(msisdn)}')[:16]}"


def read_report(item: Any) -> DeliveryReport:
    """Return a listed message as a delivery report."""
    status, ptt = RECEIPTS.get(item["deliveryReceipt"], "pending"), int(item["ptt"])
    words = f"{ptt} {PTT_WORDS.get(ptt, 'see /sms/ptts of OVHcloud')}"
    return DeliveryReport(
        report_id=f"{int(item['id'])}:{int(item['deliveryReceipt'])}:{ptt}",
        gateway_message_id=message_id(item["tag"], item["receiver"]),
        client_ref=None,
        status=status,
        reason=None if status == "delivered" else words,
        is_permanent=ptt in DEAD_NUMBER,
        reported_at=read_instant(item.get("deliveredAt") or item.get("sentAt") or item["creationDatetime"]),
        charge=read_price(item),
    )


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
