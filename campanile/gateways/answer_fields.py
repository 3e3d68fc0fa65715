"""Reading values of an answer strictly: what is not what it should be is an error, which ``HttpClient.read`` tells."""

import re
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from email.utils import parsedate_to_datetime

from schemas.gateway import Charge

MAX_PRICE = 1_000_000
UNREADABLE = "something that cannot be read"
#: An amount as the store can keep it: DECIMAL(18, 6), never below zero.
_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,12})?", re.ASCII)
_MILLIONTH = Decimal("0.000001")
#: A float keeps so many decimal digits; those after them are noise.
_FLOAT_DIGITS = 15


def read_text(value: object) -> str:
    """Return a text.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in the place of a text")
    return value


def read_id(value: object) -> str:
    """Return what names something.

    Raises:
        ValueError: it is empty.
    """
    if not read_text(value):
        raise ValueError("an empty text in the place of an id")
    return str(value)


def read_amount(value: object) -> Decimal:
    """Return an amount, rounded down to millionths.

    Raises:
        ValueError: it is not plain digits with a decimal point: an exponent, a comma, a sign, or too many digits.
    """
    text = read_text(value)
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"{text[:40]!r} in the place of an amount: it must be digits, with a point before decimals")
    return Decimal(text).quantize(_MILLIONTH, ROUND_DOWN)


def read_number(value: object) -> Decimal:
    """Return an amount that comes as a number of JSON; the noise of binary fractions is rounded away.

    Raises:
        TypeError: it is none.
        ValueError: it has no end, is below zero, or has too many digits.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{type(value).__name__} in the place of a number")
    number = Decimal(str(value))
    if number.is_finite() and isinstance(value, float) and len(number.as_tuple().digits) > _FLOAT_DIGITS:
        number = number.quantize(_MILLIONTH, ROUND_HALF_EVEN)
    return read_amount(format(number, "f"))


def read_charge(amount: object, unit: object, segment_count: object = None) -> Charge | None:
    """Return what a message was charged; None where the provider names no amount.

    What cannot be read costs nothing else of the answer: it becomes a charge in ``UNREADABLE``, which is the unit of no
    price, so that the campaign is paused and somebody is alerted.

    Args:
        amount: as the provider writes it; the sign does not count.
        unit: of the amount.
        segment_count: as a number or its digits; None where it is not named.
    """
    if amount is None:
        return None
    try:
        price = abs(Decimal(str(amount)))
        count = None if segment_count is None else int(str(segment_count))
        if price < MAX_PRICE and 0 <= (count or 0) < MAX_PRICE:
            return Charge(round(price, 6), read_id(unit), count)
    except (ArithmeticError, TypeError, ValueError):
        pass
    return Charge(Decimal(0), UNREADABLE)


def read_instant(value: object) -> datetime:
    """Return an ISO time with its offset.

    Raises:
        ValueError: it is none.
    """
    return read_aware(datetime.fromisoformat(read_text(value)))


def read_mail_time(value: object) -> datetime:
    """Return a time as mails write it, with its offset.

    Raises:
        ValueError: it is none.
    """
    return read_aware(parsedate_to_datetime(read_text(value)))


def read_aware(instant: datetime) -> datetime:
    """Return a time.

    Raises:
        ValueError: nobody knows in which zone.
    """
    if instant.utcoffset() is None:
        raise ValueError(f"time {instant} has no zone")
    return instant
