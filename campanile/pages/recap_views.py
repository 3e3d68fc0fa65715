"""Typed data of the recap page: figures, header, details and money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from campanile.pages.views import ResponderState
from campanile.sms.schedule.departures import Departure
from campanile.sms.schedule.forecast import Expiring
from campanile.sms.text.lint_finding import LintFinding
from schemas.billing_rows import Credit
from schemas.campaign_rows import Campaign
from schemas.recap_rows import (
    Defaulted,
    ExclusionCount,
    MessagePreview,
    PeopleChange,
    Recap,
    SizeShare,
    Source,
    TerritoryCount,
    UnsentMessages,
)
from schemas.result_rows import StoredPrediction


@dataclass(frozen=True, slots=True)
class RecapHeader:
    """Data that the hash covers besides the messages; ``prices`` of a segment and ``stop_mentions`` by territory."""

    kind: str
    text: str
    replace_characters: str
    sender_id: str
    gateway: str
    requested_service: bool
    emergency_reason: str | None
    policy: str
    policy_valid_from: str
    alsace_moselle: Literal["all_mainland", "by_postcode"]
    prices: Mapping[str, Decimal]
    stop_mentions: Mapping[str, str]
    can_be_answered: bool
    sender_notes: Sequence[str]
    max_messages_in_days: str | None
    if_closed: str = "next_opening"
    if_credit_ends: str = "pause"
    max_lateness_hours: float | None = None
    lists: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class WindowView:
    """The messages to one territory: times of the first and the last, and how many will not be sent in time.

    ``closed_days``: closed days that they wait for, with the reason. ``zone``: the territory's clock.
    """

    window_key: str
    message_count: int
    first_at: datetime | None
    last_at: datetime | None
    closed_days: Sequence[tuple[str, str]]
    expiring_count: int
    zone: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of the header before and after, as JSON has it."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A figure of the recap before and after."""

    figure: str
    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True)
class RecapChanges:
    """Differences from the version before."""

    since_version: int
    fields: Sequence[FieldChange]
    figures: Sequence[FigureChange]
    people: PeopleChange


@dataclass(frozen=True, slots=True)
class ShownDetails:
    """What a recap holds besides what its hash covers; empty where it was made before it was kept.

    ``closed_days``: of each territory, the days that messages wait for, and why it is closed then.
    """

    sources: Sequence[Source] = ()
    findings: Sequence[LintFinding] = ()
    defaulted: Defaulted | None = None
    closed_days: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    expiring: Sequence[Expiring] = ()
    advice: Sequence[str] = ()
    changes: RecapChanges | None = None


@dataclass(frozen=True, slots=True)
class AutoReplyView:
    """The auto-responder as the recap shows it.

    ``price`` of one answer with this ``text``, None where there is none. ``state``: what it did so far while it is on.
    """

    enabled: bool
    can_answer: bool
    text: str = ""
    price: Decimal | None = None
    state: ResponderState | None = None


@dataclass(frozen=True, slots=True)
class RecapView:
    """All data of the recap page.

    ``credit`` is None when the balance was never read; ``balance_error`` is then the reason. ``undeclared``: lists
    of the campaign without a legal basis. ``alert_threshold``: below it an alert is raised.
    """

    campaign: Campaign
    recap: Recap
    header: RecapHeader
    sources: Sequence[Source]
    findings: Sequence[LintFinding]
    expiring: Sequence[Expiring]
    advice: Sequence[str]
    changes: RecapChanges | None
    exclusions: Sequence[ExclusionCount]
    territories: Sequence[TerritoryCount]
    encodings: Sequence[SizeShare]
    previews: Sequence[MessagePreview]
    departures: Sequence[Departure]
    windows: Sequence[WindowView]
    unsent: UnsentMessages
    alsace_moselle_count: int
    unreadable_postcode_count: int
    credit: Credit | None
    balance_error: str | None
    undeclared: Sequence[str]
    auto_reply: AutoReplyView
    alert_rule: str = ""
    """When the team is told of a low balance."""
    predictions: Sequence[StoredPrediction] = ()
    alert_threshold: Decimal | None = None

    @property
    def balance_after(self) -> Decimal | None:
        """The balance after this campaign; None when the balance was never read."""
        credit = self.credit
        return None if credit is None else credit.free - self.recap.total_price

    @property
    def credit_left(self) -> Decimal | None:
        """The credit after an approval, below zero when it is refused; None when the balance was never read."""
        if self.credit is None or not self.header.emergency_reason:
            return self.balance_after
        return self.credit.free_for_emergency - self.recap.total_price

    @property
    def is_low_after(self) -> bool:
        """Whether this campaign leaves less than the threshold of the alert, and can be approved all the same."""
        after, critical = self.balance_after, self.alert_threshold
        return after is not None and critical is not None and not self.is_short and after < critical

    @property
    def is_short(self) -> bool:
        """Whether credit is known to be missing, so that an approval would be refused."""
        return self.credit_left is not None and self.credit_left < 0
