"""Forecast of a campaign whose messages may expire: which messages are sent in time, and which are not.

The sender applies ``expiry`` to each territory when it claims; the forecast applies the same rules beforehand, at the
gateway's rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from campanile.sms.schedule.departures import Departure, plan_departures
from campanile.sms.schedule.expiry import ExpiryRules
from campanile.sms.schedule.policy import Policy
from campanile.sms.schedule.quiet_hours import key_closing

#: Texts for messages that will not be sent in time, by the reasons of ``expiry``, before they expire.
EXPIRING_WORDS = {
    "offer_ended": "the offer ends before",
    "too_late": "it would be later than max_lateness allows",
    "closed": "its hours are closed then, and if_closed is drop",
}
_NOISE = 1e-6  # of a message: what floating point may add to a whole number of them


class Load(NamedTuple):
    """Messages and segments of one window key."""

    window_key: str
    message_count: int
    segment_count: int


class Expiring(NamedTuple):
    """Messages of one window key that will not be sent in time; ``reason`` is a key of ``expiry.EXPIRY_REASONS``."""

    window_key: str
    reason: str
    message_count: int


class Forecast(NamedTuple):
    """Departures and expiring messages; each message of the loads is in one of both."""

    departures: Sequence[Departure]
    expiring: Sequence[Expiring]


@dataclass(frozen=True, slots=True)
class Timing:
    """When messages may be sent, and until when.

    Attributes:
        at: now.
        due_at: the campaign's time; None: now.
        policy: the sending windows; None: there are none, as for alerts.
        margin_seconds: no message is claimed this short before a window closes.
        expiry_rules: how long messages wait.
        not_before: for some window keys, a time of their own.
    """

    at: datetime
    due_at: datetime | None
    policy: Policy | None
    margin_seconds: float
    expiry_rules: ExpiryRules
    not_before: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def starts_at(self) -> datetime:
        """When the first message may be sent."""
        return max(self.due_at or self.at, self.at)

    def begins_at(self, key: str) -> datetime:
        """Return from when on messages of a key may be sent: its time, or now when that has passed."""
        return max(self._time_of(key), self.starts_at)

    def ends_at(self, key: str) -> tuple[datetime, str] | None:
        """Return from when on no message of a key may be sent any more, and why; None: they wait for ever."""
        expiry_rules = self.expiry_rules
        ends = {
            "offer_ended": expiry_rules.offer_ends_at,
            "too_late": None if expiry_rules.max_lateness is None else self._time_of(key) + expiry_rules.max_lateness,
            "closed": self._closes_at(key) if expiry_rules.drops_if_closed else None,
        }
        return min(((at, why) for why, at in ends.items() if at is not None), key=lambda end: end[0], default=None)

    def _time_of(self, key: str) -> datetime:
        return self.not_before.get(key) or self.due_at or self.at

    def _closes_at(self, key: str) -> datetime | None:
        """Return when the window closes that is open at a key's time, or that time if none is open; None: never."""
        if self.policy is None:
            return None
        begins_at = self.begins_at(key)
        closes_at = key_closing(begins_at, key, self.policy)
        return max(begins_at, (closes_at or begins_at) - timedelta(seconds=self.margin_seconds))


def forecast_departures(loads: Sequence[Load], segments_per_second: float, timing: Timing) -> Forecast:
    """Plan when each message is sent, and find those that will not be sent in time.

    Messages that are not sent use nothing of the rate, so those behind them are sent earlier.

    Args:
        loads: in the order of the queue.
        segments_per_second: the rate of the gateway.
        timing: when they may be sent, and until when.

    Raises:
        ValueError, ConfigurationError: as ``departures.plan_departures``.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    >>> expiry_rules = ExpiryRules(offer_ends_at=noon + timedelta(minutes=1))
    >>> found = forecast_departures([Load("FR", 100, 200)], 2, Timing(noon, None, None, 0, expiry_rules))
    >>> found.departures[0].message_count, found.expiring
    (60, [Expiring(window_key='FR', reason='offer_ended', message_count=40)])
    """
    remaining = {load.window_key: load.message_count for load in loads}
    segment_count = sum(load.segment_count for load in loads)
    rate = segments_per_second * sum(remaining.values()) / segment_count if segment_count else segments_per_second

    def plan() -> list[Departure]:
        return plan_departures(
            list(remaining.items()), timing.starts_at, rate, timing.policy, timing.margin_seconds, timing.not_before
        )

    ends = {key: end for key in remaining if (end := timing.ends_at(key)) is not None}
    expiring = []
    for key, (ends_at, reason) in ends.items():  # those ahead in the queue do not depend on those behind
        in_time = sum(_count_before(departure, ends_at) for departure in plan() if departure.window_key == key)
        if in_time < remaining[key]:
            expiring.append(Expiring(key, reason, remaining[key] - in_time))
            remaining[key] = in_time
    departures = [
        departure._replace(ends_at=min(departure.ends_at, ends[departure.window_key][0]))
        if departure.window_key in ends
        else departure
        for departure in plan()
    ]
    return Forecast(departures, expiring)


def _count_before(departure: Departure, ends_at: datetime) -> int:
    """Return how many messages of a departure are sent before a time: one at once, the others evenly spread."""
    if departure.ends_at <= ends_at:
        return departure.message_count
    if departure.starts_at >= ends_at:
        return 0
    share = (ends_at - departure.starts_at) / (departure.ends_at - departure.starts_at)
    return min(departure.message_count, ceil(share * departure.message_count - _NOISE))
