"""Parts of one long reply: a STOP that is split between them must not be lost.

Kannel and Twilio join the parts of a long message. Another provider, or a file, may give each part as a reply of its
own: parts of one sender, within seconds. Nothing says for certain that they belong together, so joined texts only add
opt-outs and never remove one: if the parts together are a refusal by a rule and none of them is one by itself, the
person is opted out and the reply is listed as doubtful. The model is not asked: it knows no texts of this kind.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from campanile.sms.rules.replies.verdicts import SUPPRESSING, verdict_by_rules

PART_SECONDS = 60
"""Parts of one message arrive within this time of each other."""
_MOST_PARTS = 10
_JOINTS = ("", " ")


class Part(Protocol):
    """A reply that may be a part."""

    @property
    def number_id(self) -> int:
        """The person."""

    @property
    def text(self) -> str:
        """What they wrote."""

    @property
    def verdict(self) -> str:
        """The word of ``classify_reply``."""

    @property
    def received_at(self) -> datetime:
        """When it was received."""


P = TypeVar("P", bound=Part)


def split_refusals(replies: Sequence[P]) -> list[list[P]]:
    """Return the groups of replies that are a refusal together, and of which none is one by itself.

    Args:
        replies: sorted by person and time.
    """
    return [group for group in _groups(replies) if _is_split_refusal(group)]


def _groups(replies: Sequence[P]) -> Iterator[list[P]]:
    """Yield the replies of each person that follow each other within ``PART_SECONDS``."""
    group: list[P] = []
    for reply in replies:
        near = group and reply.number_id == group[-1].number_id and _is_near(reply, group[-1])
        if not near or len(group) == _MOST_PARTS:
            if len(group) > 1:
                yield group
            group = []
        group.append(reply)
    if len(group) > 1:
        yield group


def _is_near(reply: Part, before: Part) -> bool:
    return reply.received_at - before.received_at <= timedelta(seconds=PART_SECONDS)


def _is_split_refusal(group: Sequence[Part]) -> bool:
    """Return whether texts are a refusal in the order of their times, or, if there are two, in the other order."""
    if any(part.verdict in SUPPRESSING for part in group):
        return False
    texts = [part.text for part in group]
    orders = [texts, texts[::-1]] if len(texts) == 2 else [texts]
    return any(verdict_by_rules(joint.join(order)) in SUPPRESSING for order in orders for joint in _JOINTS)
