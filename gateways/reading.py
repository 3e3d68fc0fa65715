"""Reading values of an answer strictly: what is not what it should be is an error, which ``HttpClient.read`` tells."""

from datetime import datetime
from decimal import Decimal

MOST_PRICE = 1_000_000


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
    """Return an amount.

    Raises:
        ValueError: it has no end.
    """
    amount = Decimal(read_text(value))
    if not amount.is_finite():
        raise ValueError(f"balance {amount}")
    return amount


def read_price(value: object) -> Decimal:
    """Return a price, to the millionth.

    Raises:
        ValueError: it is negative, or no price that a message can have.
    """
    price = Decimal(read_text(value))
    if not price.is_finite() or not 0 <= price < MOST_PRICE:
        raise ValueError(f"price {value}")
    return round(price, 6)


def read_count(value: object) -> int:
    """Return a count.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_PRICE:
        raise ValueError(f"{type(value).__name__} in the place of a count")
    return value


def read_instant(value: object) -> datetime:
    """Return an ISO time with its offset.

    Raises:
        ValueError: it is none.
    """
    return read_aware(datetime.fromisoformat(read_text(value)))


def read_aware(instant: datetime) -> datetime:
    """Return a time.

    Raises:
        ValueError: nobody knows in which zone.
    """
    if instant.utcoffset() is None:
        raise ValueError(f"time {instant} has no zone")
    return instant
