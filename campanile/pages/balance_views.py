"""Typed data of the balance report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from campanile.pages.views import ResponderState
from campanile.sms.predictions.balance import BalanceForecast
from schemas.billing_rows import Alert, Credit


@dataclass(frozen=True, slots=True)
class BalanceView:
    """The balance of a gateway at ``read_at``.

    ``line``: the result of the reading. ``credit`` and ``forecast`` are None if the balance was never read. ``alerts``:
    the open ones. ``page``: the HTML file. ``alert_rule``: when the team is told.
    """

    gateway: str
    unit: str
    read_at: datetime
    line: str
    credit: Credit | None
    forecast: BalanceForecast | None
    alerts: Sequence[Alert]
    responder: ResponderState | None
    page: Path
    alert_rule: str = ""
