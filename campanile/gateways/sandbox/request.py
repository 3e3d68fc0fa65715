"""Reading a submitted batch, and pricing its messages."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import phonenumbers

from campanile.gateways.sandbox.faults import OVERCHARGES
from campanile.sms.rules.tariff import Tariff
from campanile.sms.text.segments import count_segments

BATCH_LIMIT = 500
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_SENDER = re.compile(r"(?! )[A-Za-z0-9 @+._&'-]{1,15}", re.ASCII)
_LINK = re.compile(r"https?://|\bwww\.", re.IGNORECASE)


class Refused(Exception):  # noqa: N818 - an answer of the sandbox, not an error of ours
    """A request the sandbox does not carry out: nothing changed.

    Attributes:
        status: the HTTP status of the answer.
    """

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Order:
    """One message somebody wants sent."""

    client_ref: str
    to: str
    text: str
    sender_id: str
    valid_until: datetime | None = None


def parse_batch(document: Any) -> list[Order]:
    """Read the body of a submit.

    Raises:
        Refused: the body is not as documented; 413 when it only is too long.
    """
    messages = document.get("messages") if isinstance(document, dict) else None
    if not isinstance(messages, list) or not messages:
        raise Refused(400, "the body must be {sender_id, messages: [{client_ref, to, text}]}")
    if len(messages) > BATCH_LIMIT:
        raise Refused(413, f"{len(messages)} messages in one batch: {BATCH_LIMIT} at most")
    orders = [_parse_order(message, document.get("sender_id")) for message in messages]
    if len({order.client_ref for order in orders}) < len(orders):
        raise Refused(400, "a client_ref stands twice in the batch")
    return orders


def _parse_order(message: Any, sender_id: object) -> Order:
    if not isinstance(message, dict):
        raise Refused(400, "a message must be an object")
    values = {"sender_id": sender_id, **message}
    texts = [values.get(name) for name in ("client_ref", "to", "text", "sender_id")]
    if not all(isinstance(text, str) and text and _is_unicode(text) for text in texts):
        raise Refused(400, "client_ref, to, text and sender_id must be texts, and not empty")
    client_ref, to, text, sender = map(str, texts)
    order = Order(client_ref, to, text, sender, _parse_instant(message.get("valid_until")))
    if not _SENDER.fullmatch(order.sender_id):
        raise Refused(400, "sender_id must be 1 to 15 Latin letters, digits, spaces or @ + . _ & ' -")
    return order


def _parse_instant(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError:
        raise Refused(400, "valid_until must be a time like 2026-11-23T19:00:00+00:00") from None
    if instant.utcoffset() is None:
        raise Refused(400, "valid_until must have a UTC offset")
    return instant


def _is_unicode(text: str) -> bool:
    """Tell whether no half of a surrogate pair stands alone: JSON can write that, UTF-8 cannot."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def digest_of(orders: list[Order]) -> str:
    """Return what tells two batches apart."""
    plain = [[order.client_ref, order.to, order.text, order.sender_id, _iso(order.valid_until)] for order in orders]
    return hashlib.sha256(json.dumps(plain).encode()).hexdigest()


def is_number(msisdn: object) -> bool:
    """Tell whether a text is a plausible E.164 number."""
    if not isinstance(msisdn, str) or not _E164.fullmatch(msisdn):
        return False
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(msisdn))
    except phonenumbers.NumberParseException:
        return False


def price_order(order: Order, tariff: Tariff, opted_out: set[str], now: datetime) -> dict[str, Any]:
    """Return the result line of one message, without a message_id yet."""
    result = {
        "client_ref": order.client_ref,
        "status": "rejected",
        "message_id": None,
        "segments": 0,
        "price": "0",
        "reason": _refusal(order, now),
        "to": order.to,
        "sender_id": order.sender_id,
        "text": order.text,
        "valid_until": _iso(order.valid_until),
    }
    if result["reason"] is not None:
        return result
    if order.to in opted_out:
        return {**result, "status": "blacklisted", "reason": "opted out"}
    segments = count_segments(order.text).segment_count
    price = _price(order.to, tariff)
    if price is None:
        return {**result, "reason": "no price for this country"}
    return {**result, "status": "accepted", "segments": segments, "price": str(price * segments)}


def overcharge(result: dict[str, Any], fault: str) -> dict[str, Any]:
    """Return the result line of an accepted message at twice its price, or with a segment too many."""
    if result["status"] != "accepted" or fault not in OVERCHARGES:
        return result
    price, segments = Decimal(result["price"]), result["segments"]
    if fault == "double_price":
        return {**result, "price": str(2 * price)}
    return {**result, "segments": segments + 1, "price": str(price / segments * (segments + 1))}


def _refusal(order: Order, now: datetime) -> str | None:
    if not is_number(order.to):
        return "invalid number"
    if order.sender_id.isdigit() and _LINK.search(order.text):
        return "link from a number that can be answered"
    if order.valid_until is not None and order.valid_until <= now:
        return "validity passed"
    return None


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _price(msisdn: str, tariff: Tariff) -> Decimal | None:
    number = phonenumbers.parse(msisdn)
    # A number of no known range still belongs to the main country of its code.
    country = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return tariff.prices.get(phonenumbers.region_code_for_number(number) or country)
