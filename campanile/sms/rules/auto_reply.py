"""Which replies get an automatic answer: all except refusals and automatic replies, once each, within the limits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from campanile.sms.rules.replies.verdicts import UNANSWERED

#: The policy of messages that are sent at any hour.
NO_POLICY = "none"


@dataclass(frozen=True, slots=True)
class AutoResponder:
    """Settings of the auto-responder: the text, the switch, and the limits."""

    enabled: bool
    text: str
    once_per: Literal["reply", "day"] = "reply"
    daily_cap: int = 500
    valid_until: datetime | None = None
    person_cap: int = 5
    """Answers to one person in 24 hours at most: two machines that answer each other end there."""
    policy: str = NO_POLICY
    """Answers wait for the sending hours of this policy; ``NO_POLICY``: they are sent at any hour."""

    @property
    def answers_a_person(self) -> int:
        """How many answers a person gets in 24 hours at most."""
        return 1 if self.once_per == "day" else self.person_cap

    def why_off(self, at: datetime) -> str | None:
        """Return why no reply is answered at a time; None: the auto-responder is on."""
        if not self.enabled:
            return "the auto-responder was switched off"
        if self.valid_until is not None and at >= self.valid_until:
            return "the auto-responder's time was over"
        return None


@dataclass(frozen=True, slots=True)
class ReplyFacts:
    """What decides whether a reply gets an automatic answer.

    Attributes:
        verdict: the word of ``classify_reply``.
        number_id: None when the sender is no mobile number.
        is_allowed: the team writes to that country, and its price is known.
        is_opted_out: the person opted out.
        counts_at: when it was received, as far as that is believed.
        answer_count: automatic answers to this person in the last 24 hours.
        is_own: the sender is a number or a sender of the team.
    """

    verdict: str
    number_id: int | None
    is_allowed: bool
    is_opted_out: bool
    counts_at: datetime
    answer_count: int
    is_own: bool = False


def decide_answer(
    reply: ReplyFacts,
    responder: AutoResponder,
    at: datetime,
    max_age: timedelta,
    answered_today: int,
    *,
    is_covered: bool = True,
) -> str:
    """Return ``planned`` when a reply gets an answer, else the one reason why not.

    Args:
        reply: what is known of it.
        responder: the settings of the team.
        at: now.
        max_age: an older reply gets no answer: it would come too late.
        answered_today: answers planned in the last 24 hours.
        is_covered: the balance is not low.

    >>> from datetime import UTC
    >>> now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    >>> reply = ReplyFacts("stop", 1, is_allowed=True, is_opted_out=True, counts_at=now, answer_count=0)
    >>> decide_answer(reply, AutoResponder(True, "Bonjour"), now, timedelta(hours=24), 0)
    'stop'
    """
    bars = (
        (reply.verdict in UNANSWERED, reply.verdict),
        (reply.is_opted_out, "opted_out"),
        (reply.is_own, "own_number"),
        (reply.number_id is None, "not_a_mobile"),
        (not reply.is_allowed, "country_not_allowed"),
        (responder.why_off(at) is not None, "off"),
        (at - reply.counts_at > max_age, "too_old"),
        (
            reply.answer_count >= responder.answers_a_person,
            "answered_already" if responder.once_per == "day" else "person_capped",
        ),
        (answered_today >= responder.daily_cap, "capped"),
        (not is_covered, "balance_low"),
    )
    return next((reason for is_barred, reason in bars if is_barred), "planned")
