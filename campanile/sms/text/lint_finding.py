"""What the linter looks at, and what it finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from campanile.sms.text.template import Template

SEVERITIES = ("refused", "costs", "advice")
"""``refused``: the gateway would not take it. ``costs``: mending it saves money. ``advice``: to think about."""


class SizeCount(NamedTuple):
    """How many messages have one size; ``price`` is that of all of them together."""

    encoding: str
    unit_count: int
    segment_count: int
    message_count: int
    price: Decimal


class Saving(NamedTuple):
    """How many messages would shrink, and the segments and the money that saves."""

    message_count: int
    segment_count: int
    price: Decimal


class Leftover(NamedTuple):
    """A kind of what is not meant for a phone in the cells of one merge field, and what the messages with it cost."""

    kind: str
    field: str
    example: str
    message_count: int
    price: Decimal


NOTHING_SAVED = Saving(0, 0, Decimal())


@dataclass(frozen=True, slots=True)
class Subject:
    """All that is looked at: the draft's own words, and the figures of the messages made of it.

    Attributes:
        template: the author's text, taken apart.
        kind: ``marketing`` or ``alert``.
        sender_id: who signs.
        brand: the team's name as people know it, None where nobody set it.
        replace_characters: the level that the author chose, applied in all figures.
        stop_mentions: what is added at the end, distinct, each with its leading space; an empty one for places where
            nothing is.
        forbids_links: whether the gateway blocks links from this sender somewhere in the audience.
        sizes: of all messages.
        forcing: of each character outside GSM-7, in how many messages it stands.
        savings: what each level beyond the chosen one would save.
        longest_values: of each merge field, the longest value among the recipients, where there is any.
        segment_price: of one segment, the most expensive in the audience.
        unit: of all prices.
        placeholders: merge fields of other tools, as they stand in the draft's text.
        literal_placeholders: those that the author wants to be sent as they stand.
        leftovers: what the recipients' values hold by mistake.
        invisible: the messages with characters that nobody sees, and what taking these out would save.
    """

    template: Template
    kind: str
    sender_id: str
    brand: str | None
    replace_characters: str
    stop_mentions: Sequence[str]
    forbids_links: bool
    sizes: Sequence[SizeCount]
    forcing: Mapping[str, int]
    savings: Mapping[str, Saving]
    longest_values: Mapping[str, str]
    segment_price: Decimal
    unit: str
    placeholders: Sequence[str] = ()
    literal_placeholders: Sequence[str] = ()
    leftovers: Sequence[Leftover] = ()
    invisible: Saving = NOTHING_SAVED


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One thing to mend or to know.

    Attributes:
        code: the name of the check.
        severity: one of ``SEVERITIES``.
        words: one plain sentence.
        message_count: how many messages it concerns; None for the text as a whole.
        segment_count: how many segments mending it saves.
        price: what mending it saves, in the subject's unit.
    """

    code: str
    severity: str
    words: str
    message_count: int | None = None
    segment_count: int | None = None
    price: Decimal | None = None
