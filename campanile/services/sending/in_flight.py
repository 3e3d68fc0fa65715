"""Slices in flight, and the counters of a run."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from campanile.gateways.transport import clock
from campanile.sms.errors import GatewayAmbiguous, GatewayError
from campanile.store.ledger.claims import Claim
from schemas.gateway import Batch, Outcome, SubmitOutcome


class RequestKind(Enum):
    """Which request a slice is in flight for."""

    POST = "posted"
    POST_AGAIN = "posted again under its key"
    LOOK_UP = "looked up"


@dataclass(slots=True)
class InFlightSlice:
    """A claimed slice in flight: its requests and their answers so far."""

    claim: Claim
    kind: RequestKind
    not_after: float
    open_requests: int = 0
    outcomes: list[SubmitOutcome] = field(default_factory=list)
    errors: list[GatewayError] = field(default_factory=list)

    def outcomes_of(self, outcome: Outcome) -> list[SubmitOutcome]:
        """Return the answers with an outcome."""
        return [item for item in self.outcomes if item.outcome is outcome]

    def without_absence(self) -> list[SubmitOutcome]:
        """Return the answers of a first look-up, in which absence is no proof yet."""
        return [
            replace(item, outcome=Outcome.UNKNOWN) if item.outcome is Outcome.NOT_ACCEPTED else item
            for item in self.outcomes
        ]

    @property
    def is_whole(self) -> bool:
        """Whether a look-up answered for each message that was undecided."""
        said = {item.client_ref for item in self.outcomes if item.outcome is not Outcome.UNKNOWN}
        return {member.client_ref for member in self.claim.members} <= said


@dataclass(slots=True)
class RunCounters:
    """Counters of a run: messages by event, and at the end of each interval its time and the accepted messages."""

    events: Counter[str] = field(default_factory=Counter)
    intervals: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=5))

    def end_interval(self) -> None:
        """Add the number of messages that are accepted by now."""
        self.intervals.append((clock(), self.events["accepted"]))

    def accepted_per_second(self) -> float:
        """Return the rate over the last intervals."""
        (began, before), (ended, after) = self.intervals[0], self.intervals[-1]
        return (after - before) / (ended - began) if ended > began else 0.0


def strange_reason(outcomes: Sequence[SubmitOutcome], error: GatewayError | None) -> str | None:
    """Return why an answer is unreadable for all of its messages; None: it can be read, or nothing was sent."""
    if error is not None:
        return str(error) if isinstance(error, GatewayAmbiguous) else None
    if not outcomes or any(item.outcome is not Outcome.UNKNOWN for item in outcomes):
        return None
    reasons = Counter(item.reason for item in outcomes if item.reason).most_common(1)
    return str(reasons[0][0]) if reasons else f"the last one has no outcome for its {len(outcomes)} messages"


def without_answer(kind: RequestKind, batch: Batch, error: GatewayError) -> list[SubmitOutcome]:
    """Return the outcomes of a request that ended with an error.

    The error of a first post says whether its messages may have been accepted. The error of a second post or a look-up
    says nothing about the first post, so all messages stay unknown.
    """
    if kind is not RequestKind.POST:  # guard(2): second-error
        return []
    # guard: ambiguous
    outcome = Outcome.UNKNOWN if isinstance(error, GatewayAmbiguous) else Outcome.NOT_ACCEPTED
    return [SubmitOutcome(message.client_ref, outcome, reason=str(error)) for message in batch.messages]
