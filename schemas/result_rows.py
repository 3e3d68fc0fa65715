"""Rows of results: what became of a campaign, and what a month cost."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from campanile.sms.predictions.campaign import Quantity
from campanile.sms.states import CampaignKind, CampaignState


@dataclass(frozen=True, slots=True)
class Funnel:
    """People of a campaign, each step a part of the one before.

    ``replied_count`` and ``opted_out_count`` are people with an accepted message; machines do not reply.
    """

    audience_count: int
    message_count: int
    accepted_count: int
    delivered_count: int
    replied_count: int
    opted_out_count: int


@dataclass(frozen=True, slots=True)
class SourceResult:
    """The messages to the contacts of one imported file, or of one other origin; ``file_name`` is None for these."""

    origin: str
    file_name: str | None
    message_count: int
    accepted_count: int
    delivered_count: int
    opted_out_count: int


@dataclass(frozen=True, slots=True)
class DeliveryPoint:
    """How many messages were delivered within ``seconds`` after their acceptance."""

    seconds: int
    delivered_count: int


@dataclass(frozen=True, slots=True)
class ReplyExample:
    """The text of a reply, as one example of its verdict; never shown unmasked."""

    verdict: str
    text: str


@dataclass(frozen=True, slots=True)
class CampaignCost:
    """What a campaign costs, in the unit of its gateway.

    ``planned``: all its messages, by the recap. ``captured``: the accepted ones, by the recap. ``charged``: the
    accepted ones, as the gateway charged them. ``reserved``: messages in flight or unknown. ``answers_charged``:
    accepted automatic answers to its replies, ``answer_count`` of them.
    """

    planned: Decimal
    captured: Decimal
    charged: Decimal
    reserved: Decimal
    answer_count: int
    answers_charged: Decimal


@dataclass(frozen=True, slots=True)
class ForecastResult:
    """The forecast of one window key beside its outcome; None: nothing was planned, or nothing was accepted."""

    window_key: str
    planned_count: int
    planned_from: datetime | None
    planned_until: datetime | None
    accepted_count: int
    accepted_from: datetime | None
    accepted_until: datetime | None


@dataclass(frozen=True, slots=True)
class MonthRow:
    """Accepted messages of one campaign in a month.

    ``name``: the campaign that the messages belong to: of automatic answers the one that was replied to, of tests the
    one that was tested; None: none. ``planned``: of all messages of the campaign, by its recap; None if it has no
    recap. ``captured``: by the recap. ``charged``: as the gateway charged them.
    """

    kind: CampaignKind
    name: str | None
    state: CampaignState | None
    cost_centre: str | None
    gateway: str
    message_count: int
    segment_count: int
    delivered_count: int
    planned: Decimal | None
    captured: Decimal
    charged: Decimal


@dataclass(frozen=True, slots=True)
class InvoiceCount:
    """The lines of an invoice in one category, with the amounts of the invoice and of the store."""

    category: str
    line_count: int
    invoiced: Decimal
    charged: Decimal


class StoredPrediction(NamedTuple):
    """A prediction of a recap: median and ends of its 80 % interval; ``planned``: by the plan alone, None: no plan.

    A duration is in seconds from ``starts_at``. ``past_count``: how many past campaigns it is from.
    """

    quantity: Quantity
    low: Decimal
    median: Decimal
    high: Decimal
    planned: Decimal | None
    past_count: int
    starts_at: datetime | None


class ScoredPrediction(NamedTuple):
    """A prediction beside what happened; ``actual``: None while it is open until ``settles_at`` (None: not known)."""

    predicted: StoredPrediction
    actual: Decimal | None
    settles_at: datetime | None

    @property
    def is_hit(self) -> bool:
        """Whether it happened within the interval."""
        return self.actual is not None and self.predicted.low <= self.actual <= self.predicted.high
