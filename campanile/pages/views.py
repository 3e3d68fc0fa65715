"""What pages show, typed: rows of the store, each with what its page needs of it."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

from campanile.sms.states import CampaignState, MessageState
from campanile.store.db.commit_number import Reconciliation
from schemas.inbound_rows import ReplyCount
from schemas.ledger_rows import CampaignEvent, ReasonCount, TerritoryResult
from schemas.rows import Campaign

View = TypeVar("View")


def view_of(kind: type[View], found: object) -> View:
    """Return a row of the store as a view, or rows when ``kind`` is a ``list``; other columns are left out.

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

    ``figures``: how many messages, and what they cost. ``opted_out_count`` and ``dead_count``: messages of its recap
    that stay behind. ``leaves_at``: when the first of the others leaves.
    """

    campaign: Campaign
    figures: str
    leaves_at: datetime
    opted_out_count: int
    dead_count: int


@dataclass(frozen=True, slots=True)
class StateCount:
    """The messages of one state."""

    state: MessageState
    message_count: int
    segment_count: int


@dataclass(frozen=True, slots=True)
class ResultsView:
    """The results of a campaign; amounts in ``unit``, ``exports`` are the files with every message."""

    campaign: Campaign
    unit: str
    states: Sequence[StateCount]
    territories: Sequence[TerritoryResult]
    reasons: Sequence[ReasonCount]
    replies: Sequence[ReplyCount]
    events: Sequence[CampaignEvent]
    exports: Sequence[Path]


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A message whose fate nobody knows; ``reason`` in the gateway's words or ours."""

    msisdn: str
    slice_no: int
    claimed_at: datetime
    price: Decimal
    reason: str | None


@dataclass(frozen=True, slots=True)
class DoubtedCampaign:
    """A campaign that goes on when a store that came back is confirmed."""

    name: str
    state: CampaignState
    due_at: datetime | None
    planned_count: int
    unknown_count: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """What a person reads before they confirm: why the store is in doubt, and each campaign that it is about."""

    found: Reconciliation
    campaigns: Sequence[DoubtedCampaign]
