"""Typed data of the reports: results of a campaign, costs of a month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from campanile.pages.views import MissingReports, ResponderState
from schemas.campaign_rows import Campaign
from schemas.inbound_rows import ReplyCount
from schemas.ledger_rows import CampaignEvent, ReasonCount, StateCount, TerritoryResult
from schemas.result_rows import (
    CampaignCost,
    DeliveryPoint,
    ForecastResult,
    Funnel,
    InvoiceCount,
    MonthRow,
    ReplyExample,
    ScoredPrediction,
    SourceResult,
)


@dataclass(frozen=True, slots=True)
class ResultsView:
    """The results of a campaign at ``read_at``; amounts in ``unit``.

    ``page``: the HTML file. ``exports``: the files with people and messages. ``forecast_count``: messages of the recap.
    """

    campaign: Campaign
    unit: str
    read_at: datetime
    funnel: Funnel
    states: Sequence[StateCount]
    territories: Sequence[TerritoryResult]
    sources: Sequence[SourceResult]
    curve: Sequence[DeliveryPoint]
    replies: Sequence[ReplyCount]
    examples: Sequence[ReplyExample]
    cost: CampaignCost
    predictions: Sequence[ScoredPrediction]
    forecast: Sequence[ForecastResult]
    reasons: Sequence[ReasonCount]
    events: Sequence[CampaignEvent]
    page: Path
    exports: Sequence[Path]
    missing_reports: MissingReports
    responder: ResponderState | None


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """A provider's invoice beside the messages of a month.

    ``line_count``: lines below the header. ``zone``: the clock of the month. ``counts``: one for each category, in
    their order. ``differences``: the files with each line that did not match.
    """

    file_name: str
    gateway: str
    unit: str
    zone: str
    line_count: int
    counts: Sequence[InvoiceCount]
    differences: Sequence[Path]


@dataclass(frozen=True, slots=True)
class MonthView:
    """The costs of a month at ``read_at``; ``units``: of each gateway. ``page``: the HTML file."""

    month: str
    read_at: datetime
    rows: Sequence[MonthRow]
    units: Mapping[str, str]
    invoice: InvoiceView | None
    page: Path
    exports: Sequence[Path]
