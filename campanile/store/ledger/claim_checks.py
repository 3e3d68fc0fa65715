"""The checks of every claim: whether a campaign may send, which sending windows are open, how much it may spend."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple, Self

from campanile.sms.schedule.quiet_hours import key_closing, next_key_opening
from campanile.sms.states import CampaignKind, CampaignState
from campanile.store.billing.balance import credit_left
from campanile.store.db.clock_check import behind_words
from campanile.store.db.database import Transaction
from campanile.store.ledger.charges import PriceRules
from schemas.campaign_rows import Campaign


class StopReason(StrEnum):
    """Why nothing more is claimed now."""

    NOTHING_LEFT = "nothing left"
    """Nothing that is planned may be sent at this moment."""
    NOT_SENDING = "not sending"
    """The campaign was paused or cancelled meanwhile."""
    STALE_STOPS = "stale stops"
    """Replies or the opt-outs of the provider were last read too long ago: there may be a new STOP."""
    PACED = "paced"
    """The rate of the gateway allows no more at this moment."""
    NOT_APPROVED = "not approved"
    NOT_COVERED = "not covered"
    """The credit does not cover the next message."""
    DAILY_LIMIT = "daily limit"
    """The daily spending limit of the gateway is reached; more is claimed the next day."""
    RECONCILING = "reconciling"
    """The store may be older than what was sent, and no person has confirmed it yet."""
    WOKE_UP = "woke up"
    """The lease ran out long ago: the machine slept, or a backup was restored."""
    CLOCK_BEHIND = "clock behind"
    """The wall clock was set back: sending windows cannot be checked with it."""


class DailyLimit(NamedTuple):
    """How much a gateway may charge on one day of the team; ``amount`` None: no limit."""

    amount: Decimal | None = None
    zone: tzinfo = UTC

    def began_at(self, at: datetime) -> datetime:
        """Return when the team's day began."""
        return at.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)

    def seconds_to_next_day(self, at: datetime) -> float:
        """Return how long the team's day still lasts."""
        local = at.astimezone(self.zone)
        next_day = datetime.combine(local.date() + timedelta(days=1), time(), self.zone)
        return (next_day - at).total_seconds()


#: The gateway may charge as much as the credit covers.
NO_LIMIT = DailyLimit()


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """The limits of a claim, in seconds and segments; ``Context.claim_rules`` makes them from the settings.

    Those with the name of a setting are that setting. The others: ``deadline_seconds`` is ``gateway_deadline_seconds``,
    ``margin_seconds`` is ``window_margin_seconds``, ``wake_up_seconds`` comes from ``wake_up_minutes``, ``prices`` from
    the two ``price_…_percent``. ``settle_seconds`` is never less than the manifest's, ``segments_per_second`` is the
    manifest's if it is not set.
    """

    claim_seconds: float
    deadline_seconds: float
    margin_seconds: float
    lease_seconds: float
    settle_seconds: float
    replies_max_age_seconds: float
    wake_up_seconds: float
    segments_per_second: float
    prices: PriceRules
    clock_margin_seconds: float = 120.0
    daily_limit: DailyLimit = NO_LIMIT

    @property
    def closing_margin(self) -> timedelta:
        """How long before its window closes the last claim for a window key is made."""
        return timedelta(seconds=self.margin_seconds + self.deadline_seconds)


class Refusal(NamedTuple):
    """Why a campaign may not send, by its kind and in one line."""

    stop_reason: StopReason
    why: str


@dataclass(frozen=True, slots=True)
class SpendableCredit:
    """What one campaign may still spend: the ``available`` credit of its gateway, less what is ``kept`` for alerts.

    ``left_today``: what the daily limit of the gateway leaves; None: no limit binds the campaign.
    """

    campaign: str
    gateway: str
    available: Decimal | None
    kept: Decimal
    unit: str
    left_today: Decimal | None = None

    def less(self, amount: Decimal) -> Self:
        """Return the credit after an amount is reserved."""
        left_today = None if self.left_today is None else self.left_today - amount
        available = None if self.available is None else self.available - amount
        return replace(self, available=available, left_today=left_today)

    def count_covered(self, prices: Iterable[Decimal]) -> int:
        """Return how many of these amounts the credit covers, taken in their order."""
        left = Decimal(-1) if self.available is None else self.available - self.kept
        if self.left_today is not None:  # guard(2): daily-limit
            left = min(left, self.left_today)
        return sum(1 for spent in accumulate(prices) if spent <= left)  # guard: credit

    def shortage(self, needed: Decimal) -> Refusal:
        """Return why an amount is not covered: by the credit, or only by the daily limit."""
        is_covered = self.available is not None and needed <= self.available - self.kept
        if is_covered and self.left_today is not None:
            why = (
                f"campaign {self.campaign} needs {needed} for its next message, and the daily spending limit of "
                f"gateway {self.gateway} leaves {max(self.left_today, Decimal(0))} {self.unit}"
            )
            return Refusal(StopReason.DAILY_LIMIT, why)
        return Refusal(StopReason.NOT_COVERED, self._shortage(needed))

    def _shortage(self, needed: Decimal) -> str:
        left = "its balance was never read" if self.available is None else f"{self.available} {self.unit} are left"
        left += f", {self.kept} of them for alerts" if self.kept else ""
        return f"campaign {self.campaign} needs {needed} for its next message on {self.gateway}: {left}"


def refusal(
    at: datetime,
    campaign: Campaign,
    ran_out_at: datetime,
    read_at: Mapping[str, datetime],
    rules: ClaimRules,
    newest_at: datetime | None = None,
) -> Refusal | None:
    """Return why a campaign may not send anything now, or None.

    Args:
        at: now.
        campaign: its row.
        ran_out_at: when its lease would have run out.
        read_at: when its gateway's cursors were last moved, by name.
        rules: the limits of a claim.
        newest_at: the newest time in the store, as ``clock_check`` gives it; None: nothing was recorded.
    """
    name = campaign.name
    if campaign.state != CampaignState.SENDING:
        return Refusal(StopReason.NOT_SENDING, f"campaign {name} is {campaign.state}; only a sending one may claim")
    needs_approval = campaign.kind in (CampaignKind.MARKETING, CampaignKind.ALERT)
    # guard: approved-hash
    if needs_approval and (campaign.approved_hash is None or campaign.approved_hash != campaign.recap_hash):
        return Refusal(
            StopReason.NOT_APPROVED, f"campaign {name} is not approved under its latest recap; nothing is sent"
        )
    behind = 0.0 if newest_at is None else (newest_at - at).total_seconds()
    if needs_approval and newest_at is not None and behind > rules.clock_margin_seconds:
        return Refusal(StopReason.CLOCK_BEHIND, behind_words(newest_at, behind))
    slept = (at - ran_out_at).total_seconds()
    if needs_approval and slept > rules.wake_up_seconds:  # guard: slept
        return Refusal(StopReason.WOKE_UP, late_words(name, ran_out_at, slept))
    return _stale_stops(at, campaign.gateway, read_at, rules)


def _stale_stops(at: datetime, gateway: str, read_at: Mapping[str, datetime], rules: ClaimRules) -> Refusal | None:
    for name in ("replies", "opt_outs"):
        age = (at - read_at[name]).total_seconds() if name in read_at else None
        if age is None or not 0 <= age <= rules.replies_max_age_seconds:  # in the future: the clock was set back since
            seen = "never" if age is None else f"{age:.0f} s ago" if age >= 0 else f"{-age:.0f} s in the future"
            why = f"{name} of gateway {gateway} were last read {seen}; nothing is sent before they are read again"
            return Refusal(StopReason.STALE_STOPS, why)
    return None


def closings(tx: Transaction, campaign: Campaign, rules: ClaimRules, keys: Iterable[str]) -> dict[str, datetime | None]:
    """Return the window keys that are open now, the one that closes first first, and when each closes.

    None: no windows apply. A window key whose window may close before a post is finished counts as closed.
    """
    if not campaign.has_windows:
        return dict.fromkeys(keys)
    least = tx.at + rules.closing_margin
    closings = ((key_closing(tx.at, key, campaign.policy), key) for key in keys)
    # guard: closing-margin
    return {key: at for at, key in sorted((at, key) for at, key in closings if at is not None and at > least)}


def next_claim(campaign: Campaign, key: str, at: datetime, margin: timedelta) -> datetime:
    """Return the first time from ``at`` on at which a window key may be claimed; a window about to close is closed."""
    if not campaign.has_windows:
        return at
    policy = campaign.policy
    closes_at = key_closing(at, key, policy)
    if closes_at is not None and closes_at - at <= margin:
        return next_key_opening(closes_at, key, policy)
    return next_key_opening(at, key, policy)


def credit_for(tx: Transaction, campaign: Campaign, limit: DailyLimit) -> SpendableCredit:
    """Return what a campaign may spend: marketing may not spend what alerts still need.

    A notice to the team is not limited by the ledger: it says that the balance is low, or the daily limit reached. The
    gateway decides. The daily limit does not bind emergencies either.
    """
    gateway, name = campaign.gateway, str(campaign.name)
    if campaign.kind == CampaignKind.NOTICE:  # guard: notice-credit
        return SpendableCredit(name, gateway, Decimal("Infinity"), Decimal(0), unit="")
    found = credit_left(tx, gateway, day_began_at=limit.began_at(tx.at))
    if found is None:
        return SpendableCredit(name, gateway, None, Decimal(0), unit="")
    kept = found.committed_to_alerts if campaign.kind == CampaignKind.MARKETING else Decimal(0)
    left_today = None if limit.amount is None or campaign.emergency_reason else limit.amount - found.spent_today
    return SpendableCredit(name, gateway, found.available, kept, found.unit, left_today)


def late_words(name: str, since: datetime, seconds: float) -> str:
    """Return the line that no run worked on a campaign for so long."""
    return (
        f"no run has worked on campaign {name} since {since:%Y-%m-%d %H:%M} UTC, {seconds / 60:.0f} minutes ago; "
        "nothing is sent before a person has read its text again and run resume-campaign"
    )
