"""The frames of what comes back: replies, opt-outs, delivery reports, dead numbers. ``frames`` explains frames."""

import pandera.pandas as pa

from campanile.sms.rules.replies.verdicts import VERDICTS
from campanile.sms.rules.tariff import PRICE
from schemas.frames import NUMBER_RANGE, Frame, Instant, Truth, Whole
from schemas.report_words import ReportReason, ReportStatus


class ProviderOptOuts(Frame):
    """A provider's list of opt-outs. Grain: one entry of the list. No key: a number may occur twice."""

    number_id: Whole = pa.Field(in_range=NUMBER_RANGE)
    opted_out_at: Instant


class OptOuts(Frame):
    """Opt-outs to record. Grain: one ground of one person. Key: ``position``, the order of recording.

    ``said_at``: when the person asked for it; missing: at the time of recording.
    """

    position: Whole = pa.Field(ge=0, unique=True)
    number_id: Whole = pa.Field(in_range=NUMBER_RANGE)
    source: str
    source_ref: str = pa.Field(nullable=True)
    reply_id: Whole = pa.Field(nullable=True)
    said_at: Instant = pa.Field(nullable=True)
    channel: str = pa.Field(nullable=True)
    note: str = pa.Field(nullable=True)


class StoppedNumbers(Frame):
    """People whose planned messages are suppressed. Grain and key: ``number_id``."""

    number_id: Whole = pa.Field(unique=True)


class PushedOptOuts(Frame):
    """Opt-outs that are added to a provider's list. Grain: one opt-out. Key: ``entry_id``."""

    entry_id: Whole = pa.Field(unique=True)


class ReplyIds(Frame):
    """Stored replies. Grain: one reply. Key: ``reply_id``."""

    reply_id: Whole = pa.Field(unique=True)


class StartReplies(Frame):
    """Replies that say START. Grain: one reply. Key: ``reply_id``."""

    reply_id: Whole = pa.Field(unique=True)


class IncomingReplies(Frame):
    """Replies of a history page, before they have an id of ours. Grain: one reply; the same reply may occur again.

    ``number_id`` is missing if the sender is not a number.
    """

    gateway_reply_id: str
    sender: str
    number_id: Whole = pa.Field(nullable=True, in_range=NUMBER_RANGE)
    text: str
    verdict: str = pa.Field(isin=list(VERDICTS))
    received_at: Instant


class Replies(IncomingReplies):
    """Replies to store. Grain: one reply. Key: ``reply_id``, ours."""

    reply_id: Whole = pa.Field(ge=1, unique=True)


class ReplyKeys(Frame):
    """The fields that identify a reply. Grain: one reply of a page. Key: ``position`` in the page."""

    position: Whole = pa.Field(unique=True)
    gateway_reply_id: str
    sender: str
    number_id: Whole = pa.Field(nullable=True)
    is_refusal: Truth
    text: str
    received_at: Instant


class ReplyAnswers(Frame):
    """Decisions on automatic answers. Grain: one reply. Key: ``reply_id``."""

    reply_id: Whole = pa.Field(unique=True)
    answer: str


class DeliveryReports(Frame):
    """Delivery reports of a history page. Grain: one report; the same report may occur again.

    ``charge``: what the provider charged for the message, exact decimal text in ``charge_unit``; missing if the report
    does not say it. ``word``: the provider's words as they came. ``cause``: a ``ReportReason``.
    """

    report_id: str
    gateway_message_id: str
    client_ref: str = pa.Field(nullable=True)
    status: str = pa.Field(isin=list(ReportStatus))
    reason: str = pa.Field(nullable=True)
    is_permanent: Truth
    reported_at: Instant
    charge: str = pa.Field(nullable=True, str_matches=PRICE)
    charge_unit: str = pa.Field(nullable=True)
    charge_segments: Whole = pa.Field(nullable=True, ge=0)
    word: str
    cause: str = pa.Field(nullable=True, isin=list(ReportReason))


class DeadNumbers(Frame):
    """Numbers that must get no more messages, with the reason and its evidence. Grain and key: ``number_id``."""

    number_id: Whole
    msisdn: str
    reason: str
    evidence: str


class NumberIds(Frame):
    """Numbers of persons. Grain: one number; it may occur again."""

    number_id: Whole


class Absences(Frame):
    """Numbers that were absent when last tried: how often in a row, and since when. Grain and key: ``number_id``."""

    number_id: Whole
    absence_count: Whole = pa.Field(ge=1)
    first_at: Instant


class Revivals(Frame):
    """Dead numbers that a row of an import brings back. Grain and key: ``number_id``."""

    number_id: Whole
    row_number: Whole
    evidence: str


class DeadAgain(Frame):
    """Numbers whose revival was undone: their last death. Grain and key: ``number_id``."""

    number_id: Whole
    reason: str
    died_at: Instant
