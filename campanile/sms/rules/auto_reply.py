"""Which replies get an automatic answer: all except refusals and automatic replies, once each, within the limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from campanile.sms.rules.reply_keywords import UNANSWERED


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


def decide_answer(
    reply: Mapping[str, Any], responder: AutoResponder, at: datetime, max_age: timedelta, answered_today: int
) -> str:
    """Return ``planned`` when a reply gets an answer, else the one reason why not.

    Args:
        reply: ``verdict``, ``number_id`` (None when the sender is no mobile number), ``is_allowed`` (we write to that
            country, and know the price), ``is_opted_out``, ``counts_at`` (when it was received, as far as that is
            believed) and ``answer_count``, the answers to this person in the last 24 hours.
        responder: the settings.
        at: now.
        max_age: an older reply gets no answer.
        answered_today: answers planned in the last 24 hours.

    >>> from datetime import UTC
    >>> now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    >>> reply = {"verdict": "stop", "number_id": 1, "is_allowed": True, "is_opted_out": True}
    >>> reply |= {"counts_at": now, "answer_count": 0}
    >>> decide_answer(reply, AutoResponder(True, "Bonjour"), now, timedelta(hours=24), 0)
    'stop'
    """
    bars = (
        (reply["verdict"] in UNANSWERED, str(reply["verdict"])),
        (bool(reply["is_opted_out"]), "opted_out"),
        (reply["number_id"] is None, "not_a_mobile"),
        (not reply["is_allowed"], "country_not_allowed"),
        (responder.why_off(at) is not None, "off"),
        (at - reply["counts_at"] > max_age, "too_old"),
        (
            reply["answer_count"] >= responder.answers_a_person,
            "answered_already" if responder.once_per == "day" else "person_capped",
        ),
        (answered_today >= responder.daily_cap, "capped"),
    )
    return next((reason for is_barred, reason in bars if is_barred), "planned")
