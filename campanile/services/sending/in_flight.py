"""Slices on their way to the gateway, and the count of what came back."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from campanile.gateways.transport import clock
from campanile.sms.errors import GatewayAmbiguous, GatewayError
from campanile.store.ledger.claims import Claim
from schemas.gateway import Batch, Outcome, SubmitOutcome


class RequestKind(Enum):
    """What a slice is in flight for."""

    POST = "posted"
    POST_AGAIN = "posted again under its key"
    LOOK_UP = "looked up"


@dataclass(slots=True)
class InFlightSlice:
    """A claimed slice on its way: its requests, and what they brought so far."""

    claim: Claim
    kind: RequestKind
    not_after: float
    open_requests: int = 0
    outcomes: list[SubmitOutcome] = field(default_factory=list)
    errors: list[GatewayError] = field(default_factory=list)

    def outcomes_of(self, outcome: Outcome) -> list[SubmitOutcome]:
        """Return what came back with an outcome."""
        return [item for item in self.outcomes if item.outcome is outcome]

    def without_absence(self) -> list[SubmitOutcome]:
        """Return what a first look-up says: that there is no trace of a message proves nothing yet."""
        return [
            replace(item, outcome=Outcome.UNKNOWN) if item.outcome is Outcome.NOT_ACCEPTED else item
            for item in self.outcomes
        ]

    @property
    def is_whole(self) -> bool:
        """Whether a look-up said of each message that was open if there is a trace of it."""
        said = {item.client_ref for item in self.outcomes if item.outcome is not Outcome.UNKNOWN}
        return {member.client_ref for member in self.claim.members} <= said


@dataclass(slots=True)
class RunCounters:
    """What a sender did: messages by event, all in all and at the end of each leg (``clock``, accepted)."""

    events: Counter[str] = field(default_factory=Counter)
    intervals: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=5))

    def end_interval(self) -> None:
        """Remember how many messages were accepted by now."""
        self.intervals.append((clock(), self.events["accepted"]))

    def accepted_per_second(self) -> float:
        """Return the rate of the last legs."""
        (began, before), (ended, after) = self.intervals[0], self.intervals[-1]
        return (after - before) / (ended - began) if ended > began else 0.0


def strange_reason(outcomes: Sequence[SubmitOutcome], error: GatewayError | None) -> str | None:
    """Return why an answer does not tell what became of any of its messages; None: it tells, or nothing was sent."""
    if error is not None:
        return str(error) if isinstance(error, GatewayAmbiguous) else None
    if not outcomes or any(item.outcome is not Outcome.UNKNOWN for item in outcomes):
        return None
    reasons = Counter(item.reason for item in outcomes if item.reason).most_common(1)
    return str(reasons[0][0]) if reasons else f"the last one does not say what became of its {len(outcomes)} messages"


def without_answer(kind: RequestKind, batch: Batch, error: GatewayError) -> list[SubmitOutcome]:
    """Return what an error means for the messages of a request.

    A first post may have been accepted or not, as the error says. When it is asked again, an error speaks of this
    request only: the first one may have been accepted all the same, so all stays unknown.
    """
    if kind is not RequestKind.POST:  # guard(2): second-error
        return []
    # guard: ambiguous
    outcome = Outcome.UNKNOWN if isinstance(error, GatewayAmbiguous) else Outcome.NOT_ACCEPTED
    return [SubmitOutcome(message.client_ref, outcome, reason=str(error)) for message in batch.messages]
