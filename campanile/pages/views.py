"""Typed data of the pages: rows of the store with the columns that a page needs."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from campanile.store.db.commit_number import Reconciliation
from schemas.campaign_rows import Campaign
from schemas.ledger_rows import DoubtedCampaign

View = TypeVar("View")


def view_of(kind: type[View], found: object) -> View:
    """Return a row of the store as a view, or rows when ``kind`` is a ``list``; other columns are ignored.

    Raises:
        ValidationError: a column is missing, or holds something else.
    """
    view: View = _adapter(cast(Hashable, kind)).validate_python(found)
    return view


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


@dataclass(frozen=True, slots=True)
class ApprovedView:
    """A campaign that has just been approved.

    ``figures``: the number of messages and their price. ``opted_out_count`` and ``dead_count``: messages of its recap
    that are not sent. ``leaves_at``: when the first of the others is sent.
    """

    campaign: Campaign
    figures: str
    leaves_at: datetime
    opted_out_count: int
    dead_count: int


@dataclass(frozen=True, slots=True)
class MissingReports:
    """Messages that were accepted more than ``hours`` before the last reading of reports, and have no final report."""

    message_count: int
    hours: float


@dataclass(frozen=True, slots=True)
class ResponderState:
    """An auto-responder that is on: since when, and the answers that a gateway accepted since; ``cost`` in ``unit``."""

    since: datetime
    answer_count: int
    cost: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """Data of the reconciliation page: why the store is in doubt, and each campaign that is affected."""

    found: Reconciliation
    campaigns: Sequence[DoubtedCampaign]
