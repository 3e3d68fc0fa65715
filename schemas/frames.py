"""The frames that the store reads, each described once: types, checks, grain, key and units.

``-- staged_rows: ContactRows`` in the head of a named statement names the frame that the statement reads. The store
takes the DuckDB types from here (``frame_checks.duckdb_types``) and refuses other columns. Frames from outside are
validated with ``frame_checks.check`` before a transaction begins. ``scratch_frames`` has the scratch tables of a
preparation and of a change of a list.

The import costs about 0.3 CPU seconds, so modules import this one inside the function that needs it.
"""

from typing import Annotated, TypeAlias

import pandas as pd
import pandera.pandas as pa

from campanile.sms.rules.replies.verdicts import VERDICTS
from campanile.sms.rules.tariff import COUNTRY, PRICE

E164 = r"^\+[1-9][0-9]{6,14}$"
TERRITORY = r"^([A-Z]{2}|001)$"
"""The territory of a number; 001 is for satellite phones, which belong to no country."""
NUMBER_RANGE = {"min_value": 1_000_000, "max_value": 999_999_999_999_999}
"""The digits of an E.164 number as an integer."""

Whole: TypeAlias = pd.Int64Dtype
Small: TypeAlias = pd.Int32Dtype
Truth: TypeAlias = pd.BooleanDtype
Instant: TypeAlias = Annotated[pd.DatetimeTZDtype, "us", "UTC"]


class Frame(pa.DataFrameModel):
    """A frame with exactly the columns of its class; values are converted if no information is lost."""

    class Config:
        """How pandera validates each frame."""

        strict = True
        coerce = True


class ContactRows(Frame):
    """Valid rows of a contact or opt-out file. Grain: one data row of the file. Key: ``row_number``, from 1.

    ``number_id``: the digits of the E.164 number; ``fields``: a JSON object of the filled merge fields, keys sorted.
    """

    row_number: Whole = pa.Field(ge=1, unique=True)
    number_id: Whole = pa.Field(in_range=NUMBER_RANGE)
    territory: str = pa.Field(str_matches=TERRITORY)
    fields: str = pa.Field(str_startswith="{", str_endswith="}")


class RejectedRows(Frame):
    """Rejected rows of a file, each with one reason. Grain: one data row of the file. Key: ``row_number``, from 1."""

    row_number: Whole = pa.Field(ge=1, unique=True)
    reason: str = pa.Field(str_length={"min_value": 1})
    raw_line: str


class TypedNumbers(Frame):
    """Numbers of a draft. Grain: one typed number. Key: ``row_number``, its position in the draft, from 1."""

    row_number: Whole = pa.Field(ge=1, unique=True)
    number_id: Whole = pa.Field(in_range=NUMBER_RANGE)
    territory: str = pa.Field(str_matches=TERRITORY)


class TariffRows(Frame):
    """Lines of a price file. Grain: one line. Key: ``country``. ``price``: of one segment, in ``unit``, as text."""

    country: str = pa.Field(str_matches=COUNTRY, unique=True)
    price: str = pa.Field(str_matches=PRICE)
    unit: str = pa.Field(str_length={"min_value": 1})

    @pa.check("unit", name="one_unit")
    def _is_the_first(cls, units: "pd.Series[str]") -> "pd.Series[bool]":  # noqa: N805 - pandera passes the class
        """Compare each unit with the first one: a file has one unit."""
        return units.isin(["", *units[units != ""].head(1)])


class ProviderOptOuts(Frame):
    """A provider's list of opt-outs. Grain: one entry of the list. No key: a number may occur twice."""

    number_id: Whole = pa.Field(in_range=NUMBER_RANGE)
    msisdn: str = pa.Field(str_matches=E164)
    opted_out_at: Instant


class OptOuts(Frame):
    """Opt-outs to record. Grain: one ground of one person. Key: ``position``, the order of recording.

    ``said_at``: when the person asked for it; missing: at the time of recording.
    """

    position: Whole = pa.Field(ge=0, unique=True)
    number_id: Whole = pa.Field(in_range=NUMBER_RANGE)
    msisdn: str = pa.Field(str_matches=E164)
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
    number_id: Whole


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
    does not say it.
    """

    report_id: str
    gateway_message_id: str
    client_ref: str = pa.Field(nullable=True)
    status: str = pa.Field(isin=["delivered", "undelivered", "pending"])
    reason: str = pa.Field(nullable=True)
    is_permanent: Truth
    reported_at: Instant
    charge: str = pa.Field(nullable=True, str_matches=PRICE)
    charge_unit: str = pa.Field(nullable=True)
    charge_segments: Whole = pa.Field(nullable=True, ge=0)


class ReportNumbers(Frame):
    """Stored reports. Grain: one report of one message, so a report may occur twice. No key."""

    report_no: Whole


class WakingCampaigns(Frame):
    """Campaigns with news of an unknown message. Grain: one such message. No key."""

    campaign_id: Whole


class DeadNumbers(Frame):
    """Numbers that do not exist, as reports say. Grain: one report. No key: the first report of a number counts."""

    number_id: Whole
    msisdn: str
    reason: str


class Charges(Frame):
    """What a provider charged. Grain: one message. Key: (``campaign_id``, ``recipient_id``).

    ``amount``: exact decimal text in the unit of the tariff.
    """

    campaign_id: Whole
    recipient_id: Whole
    slice_no: Whole
    amount: str
    segment_count: Whole


class MessageEvents(Frame):
    """Events of messages. Grain: one event. Key: ``event_id``. ``fence``: of the lease; 0 without one."""

    event_id: Whole = pa.Field(unique=True)
    campaign_id: Whole
    recipient_id: Whole
    event: str
    slice_no: Whole
    fence: Whole
    gateway_message_id: str = pa.Field(nullable=True)
    reason: str = pa.Field(nullable=True)


class WithdrawnMessages(Frame):
    """Messages taken out of their slice. Grain: one message. No key. ``price``: exact decimal text, tariff's unit."""

    campaign_id: Whole
    slice_no: Whole
    segment_count: Whole
    price: str


class Departures(Frame):
    """When the messages of a recap are sent. Grain: one departure. Key: (``window_key``, ``starts_at``)."""

    window_key: str
    starts_at: Instant
    ends_at: Instant
    message_count: Whole


class SliceHours(Frame):
    """Territories whose messages wait for their local time. Grain and key: ``window_key``."""

    window_key: str
    not_before: Instant


class Messages(Frame):
    """Messages to store. Grain: one recipient of one campaign. Key: ``recipient_id``.

    ``price``: of the whole message, exact decimal text in the tariff's unit. ``import_id`` and ``row_number``: the row
    of the file that the contact came from.
    """

    recipient_id: Whole = pa.Field(gt=0, unique=True)
    number_id: Whole = pa.Field(gt=0)
    msisdn: str = pa.Field(str_matches=E164)
    text: str = pa.Field(str_length={"min_value": 1})
    encoding: str = pa.Field(isin=["GSM-7", "UCS-2"])
    sender_id: str
    segment_count: Whole = pa.Field(ge=1)
    price: str = pa.Field(str_matches=PRICE)
    territory: str
    window_key: str
    slice_no: Whole = pa.Field(ge=1)
    origin: str
    import_id: Whole = pa.Field(nullable=True)
    row_number: Whole = pa.Field(nullable=True)
