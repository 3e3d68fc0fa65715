"""Months as people type them."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from campanile.sms.errors import CampaignError

_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


def month_bounds(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the first moment of a month and of the next one, on a zone's clock.

    Raises:
        CampaignError: it is no month.
    """
    found = _MONTH.fullmatch(month.strip())
    if found is None:
        raise CampaignError(f"month {month!r} is not valid: give it as year and month, such as 2026-11")
    year, number = int(found[1]), int(found[2])
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return datetime(year, number, 1, tzinfo=zone), datetime(*following, 1, tzinfo=zone)
