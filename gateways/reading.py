"""Reading values of an answer strictly: what is not what it should be is an error, which ``HttpClient.read`` tells."""

from datetime import datetime
from decimal import Decimal


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
