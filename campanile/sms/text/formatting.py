"""Counts, amounts and times as texts."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo


def grouped(count: int) -> str:
    """Return a count with its thousands apart.

    >>> grouped(1234567)
    '1 234 567'
    """
    return f"{count:,}".replace(",", " ")


def count_text(count: int, what: str) -> str:
    """Return a count with what is counted, in the plural but for one.

    >>> count_text(1, "message"), count_text(1200, "message")
    ('1 message', '1 200 messages')
    """
    return f"{grouped(count)} {what}{'' if count == 1 else 's'}"


def amount_text(amount: Decimal, unit: str) -> str:
    """Return an amount exactly, to six decimals: two decimals at least, no trailing zeros beyond.

    >>> amount_text(Decimal("1234.5"), "EUR"), amount_text(Decimal("0.048500"), "EUR")
    ('1 234.50 EUR', '0.0485 EUR')
    """
    exact = amount.quantize(Decimal("0.000001")).normalize()
    decimal_places = max(2, -int(exact.as_tuple().exponent))
    return f"{exact:,.{decimal_places}f} {unit}".replace(",", " ")


def local_time(at: datetime, zone: ZoneInfo) -> str:
    """Return an instant on a zone's clock, to the minute.

    >>> from datetime import UTC
    >>> local_time(datetime(2026, 11, 23, 7, 0, tzinfo=UTC), ZoneInfo("Indian/Reunion"))
    'Mon 2026-11-23 11:00'
    """
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"
