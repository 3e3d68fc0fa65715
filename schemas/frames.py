"""The frames that the store reads, each described once: types, checks, grain, key and units.

``-- staged_rows: ContactRows`` in the head of a named statement names the frame that the statement reads. The store
takes the DuckDB types from here (``frame_checks.duckdb_types``) and refuses other columns. Frames from outside are
validated with ``frame_checks.check`` before a transaction begins. ``inbound_frames`` has what comes back,
``scratch_frames`` the scratch tables of a preparation and of a change of a list.

The import costs about 0.3 CPU seconds, so modules import this one inside the function that needs it.
"""

from typing import Annotated, TypeAlias

import pandas as pd
import pandera.pandas as pa

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


class WakingCampaigns(Frame):
    """Campaigns with news of an unknown message. Grain: one such message. No key."""

    campaign_id: Whole


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


class InvoiceLines(Frame):
    """Lines of a provider's invoice. Grain: one line. Key: ``line_no``, the line of the file.

    ``price``: exact decimal text without sign; missing, like the other cells, if it is empty or cannot be read.
    ``unit`` and ``segment_count`` are missing if the invoice does not say them.
    """

    line_no: Whole = pa.Field(ge=1, unique=True)
    raw_line: str
    gateway_message_id: str = pa.Field(nullable=True)
    price: str = pa.Field(nullable=True, str_matches=PRICE)
    unit: str = pa.Field(nullable=True)
    segment_count: Whole = pa.Field(nullable=True)
    is_readable: Truth
