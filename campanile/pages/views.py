"""Typed data of the pages: rows of the store with the columns that a page needs."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

from pydantic import BeforeValidator, TypeAdapter

from campanile.store.db.commit_number import Reconciliation
from schemas.inbound_rows import ReplyCount
from schemas.ledger_rows import CampaignEvent, DoubtedCampaign, ReasonCount, StateCount, TerritoryResult
from schemas.rows import Campaign

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
class Doubt:
    """Data of the reconciliation page: why the store is in doubt, and each campaign that is affected."""

    found: Reconciliation
    campaigns: Sequence[DoubtedCampaign]


@dataclass(frozen=True, slots=True)
class ListView:
    """A contact list and its counts."""

    list_name: str
    contact_count: int
    opted_out_count: int
    legal_basis: str | None
    import_count: int
    last_import_at: datetime | None


@dataclass(frozen=True, slots=True)
class ListFile:
    """A file of a list; ``undone_by`` and ``undone_why`` when its import was undone."""

    import_id: int
    file_name: str
    row_count: int
    recorded_at: datetime
    undone_at: datetime | None
    undone_by: str | None
    undone_why: str | None


def _parse_columns(stored: object) -> object:
    return _adapter(dict[str, str]).validate_json(stored) if isinstance(stored, str) else stored or {}


@dataclass(frozen=True, slots=True)
class ListCard:
    """A contact list with its content.

    ``columns``: our field -> the column that a person named. ``fields`` and ``territories`` count contacts.
    """

    list_name: str
    contact_count: int
    opted_out_count: int
    legal_basis: str | None
    wording: str | None
    is_sample: bool
    columns: Annotated[Mapping[str, str], BeforeValidator(_parse_columns)]
    header_row: int | None
    fields: Mapping[str, int]
    territories: Mapping[str, int]
    imports: Sequence[ListFile]
