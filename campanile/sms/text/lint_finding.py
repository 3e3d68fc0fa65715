"""Input and findings of the linter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from campanile.sms.text.template import Template

SEVERITIES = ("refused", "costs", "advice")
"""``refused``: the gateway would not take it. ``costs``: mending it saves money. ``advice``: to think about."""


class SizeCount(NamedTuple):
    """Number of messages of one size; ``price`` is the sum for all of them."""

    encoding: str
    unit_count: int
    segment_count: int
    message_count: int
    price: Decimal


class Saving(NamedTuple):
    """Number of messages that would become shorter, with the saved segments and price."""

    message_count: int
    segment_count: int
    price: Decimal


class Leftover(NamedTuple):
    """One kind of leftover in the cells of one merge field, with the price of the messages that contain it."""

    kind: str
    field: str
    example: str
    message_count: int
    price: Decimal


NOTHING_SAVED = Saving(0, 0, Decimal())


@dataclass(frozen=True, slots=True)
class Subject:
    """The input of the linter: the draft's text, and the figures of its messages.

    Attributes:
        template: the parsed text of the draft.
        kind: ``marketing`` or ``alert``.
        sender_id: the sender.
        brand: the brand of the team, None if it is not set.
        replace_characters: the level of the draft, applied in all figures.
        stop_mentions: the distinct STOP mentions, each with its leading space; an empty one for territories without
            a mention.
        forbids_links: whether the gateway blocks links from this sender somewhere in the audience.
        sizes: of all messages.
        forcing: for each character outside GSM-7, the number of messages with it.
        savings: the saving of each level beyond the chosen one.
        longest_values: for each merge field, the longest value among the recipients, if there is any.
        segment_price: of one segment, in the most expensive territory of the audience.
        unit: of all prices.
        placeholders: merge fields of other tools in the draft's text.
        literal_placeholders: those that the draft wants to be sent literally.
        leftovers: leftovers in the recipients' values.
        invisible: the messages with invisible characters, and the saving without these.
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
    """One finding.

    Attributes:
        code: the name of the check.
        severity: one of ``SEVERITIES``.
        words: one plain sentence.
        message_count: number of messages that it concerns; None for the text as a whole.
        segment_count: segments that are saved by a correction.
        price: amount that is saved by a correction, in the subject's unit.
    """

    code: str
    severity: str
    words: str
    message_count: int | None = None
    segment_count: int | None = None
    price: Decimal | None = None
