"""The tables in which delivery reports are staged, found and applied. Statements make them for each other."""

import pandera.pandas as pa

from schemas.frames import Frame, Instant, Small, Truth, Whole
from schemas.inbound_frames import DeliveryReports
from schemas.scratch_frames import DECIMAL

HASH = {"sql": "UBIGINT"}


class NumberedReports(DeliveryReports):
    """Delivery reports, each once. Grain: one report. Key: ``position``, in the order of time."""

    position: Whole


class ReportSteps(Frame):
    """The events of reports. Grain and key: (``state`` of the message, ``status`` of the report)."""

    state: str
    status: str
    event: str


class ReportPositions(Frame):
    """Reports of ``ReportArrivals``. Grain and key: ``position``."""

    position: Whole


class MessageStates(Frame):
    """States of messages. Grain and key: ``state``."""

    state: str


class ReportArrivals(Frame):
    """Delivery reports that are read or wait. Grain: one report. Key: ``position``, in the order of time.

    ``report_no``, ``campaign_id``: of a report that waits, as it is stored.
    """

    position: Whole
    report_no: Whole = pa.Field(nullable=True)
    campaign_id: Whole = pa.Field(nullable=True)
    report_id: str
    gateway_message_id: str
    client_ref: str = pa.Field(nullable=True)
    status: str
    reason: str = pa.Field(nullable=True)
    is_permanent: Truth
    reported_at: Instant
    charge: object = pa.Field(nullable=True, metadata=DECIMAL)
    charge_unit: str = pa.Field(nullable=True)
    charge_segments: Whole = pa.Field(nullable=True)
    word: str = pa.Field(nullable=True)
    cause: str = pa.Field(nullable=True)


class SearchedCampaigns(Frame):
    """The campaigns in which messages are searched for. Grain and key: (``campaign_id``, ``step`` of the search)."""

    campaign_id: Whole
    step: Small


class FoundMessages(Frame):
    """The message of each report. Grain: one report. Key: ``position``."""

    position: Whole
    campaign_id: Whole
    recipient_id: Whole
    number_id: Whole
    segment_count: Small
    price: object = pa.Field(metadata=DECIMAL)
    slice_no: Whole


class ReportedMessages(Frame):
    """Delivery reports with their messages. Grain: one report. Key: ``position``."""

    position: Whole
    report_no: Whole = pa.Field(nullable=True)
    gateway_message_id: str
    client_ref: str = pa.Field(nullable=True)
    reason: str = pa.Field(nullable=True)
    is_permanent: Truth
    charge: object = pa.Field(nullable=True, metadata=DECIMAL)
    charge_unit: str = pa.Field(nullable=True)
    charge_segments: Whole = pa.Field(nullable=True)
    word: str = pa.Field(nullable=True)
    cause: str = pa.Field(nullable=True)
    campaign_id: Whole
    recipient_id: Whole
    number_id: Whole
    segment_count: Small
    price: object = pa.Field(metadata=DECIMAL)
    slice_no: Whole
    state: str = pa.Field(nullable=True)
    first_id: object = pa.Field(nullable=True, metadata=HASH)
    last_id: object = pa.Field(nullable=True, metadata=HASH)
    was_absent: Truth
    was_tried: Truth
    is_applied: Truth
    event: str = pa.Field(nullable=True)


class MovedMessages(Frame):
    """Messages that reports change. Grain and key: (``campaign_id``, ``recipient_id``)."""

    position: Whole
    campaign_id: Whole
    recipient_id: Whole
    number_id: Whole
    segment_count: Small
    price: object = pa.Field(metadata=DECIMAL)
    slice_no: Whole
    state: str
    event: str
    reason: str = pa.Field(nullable=True)
    cause: str = pa.Field(nullable=True)
    word: str = pa.Field(nullable=True)
    is_permanent: Truth
    gateway_message_id: str
