"""Scratch tables: the tables that statements of the store make for each other, and the frames of a preparation.

Their data does not come from outside, so they have types and few checks. A test compares each table with the statement
that makes it.
"""

import pandera.pandas as pa

from schemas.frames import ContactRows, Frame, Instant, Small, Truth, Whole

DECIMAL = {"sql": "DECIMAL(18, 6)"}
TEXT_LIST = {"sql": "VARCHAR[]"}


class SaidOptOuts(Frame):
    """What an opt-out file says of each row. Grain: one valid row. Key: ``row_number``. ``said``: the date as text."""

    row_number: Whole
    number_id: Whole
    said: str = pa.Field(nullable=True)
    channel: str = pa.Field(nullable=True)
    said_at: Instant = pa.Field(nullable=True)


class RepeatedNumbers(Frame):
    """Numbers that occur in a file more than once. Grain and key: ``number_id``."""

    number_id: Whole
    first_row: Whole


class MergedContacts(Frame):
    """Known people with new values in one row of a file. Grain and key: ``number_id``. ``fields``: merged JSON."""

    number_id: Whole
    row_number: Whole
    fields: str


class FieldSteps(Frame):
    """New values of people with several rows. Grain and key: (``number_id``, ``row_number``, ``field``)."""

    number_id: Whole
    row_number: Whole
    field: str
    value: str


class FoldedContacts(Frame):
    """The people of a file after its import. Grain and key: ``number_id``. ``fields``: JSON object."""

    number_id: Whole
    fields: str


class TouchedPeople(Frame):
    """People affected by a change of a list's files. Grain and key: ``number_id``."""

    number_id: Whole
    is_undone: Truth


class PeopleBefore(Frame):
    """People of a list before a change. Grain and key: ``number_id``. ``fields``: JSON object."""

    number_id: Whole
    fields: str


class RemainingContacts(ContactRows):
    """The people of an undone file, as the other files have them. Grain and key: ``number_id``."""

    import_id: Whole


class PeopleChanges(Frame):
    """The effect of a change on people. Grain and key: ``number_id``. ``kind``: added, removed, changed or kept."""

    number_id: Whole
    kind: str
    fields_before: str = pa.Field(nullable=True)
    fields_after: str = pa.Field(nullable=True)


class Candidates(Frame):
    """The audience. Grain and key: (``source_no``, ``number_id``). ``reason``: why the person is excluded."""

    source_no: Whole
    origin: str
    import_id: Whole = pa.Field(nullable=True)
    row_number: Whole
    number_id: Whole
    territory: str
    fields: str
    reason: str = pa.Field(nullable=True)


class Recipients(Frame):
    """Recipients. Grain and key: ``number_id``. ``cells``: values of the merge fields, the postcode last."""

    origin: str
    import_id: Whole = pa.Field(nullable=True)
    row_number: Whole
    number_id: Whole
    territory: str
    cells: object = pa.Field(metadata=TEXT_LIST)


class Texts(Frame):
    """Texts of recipients, in the order of the queue. Grain and key: ``recipient_no``. No text: a value is missing."""

    recipient_no: Whole
    origin: str
    import_id: Whole = pa.Field(nullable=True)
    row_number: Whole
    number_id: Whole
    territory: str
    segment_price: str
    window_key: str
    is_defaulted: Truth
    slice_no: Whole
    text: str = pa.Field(nullable=True)


class PricedMessages(Frame):
    """Messages of a preparation. Grain and key: ``recipient_id``. Prices are exact, in the tariff's unit."""

    recipient_id: Whole
    number_id: Whole
    msisdn: str
    text: str = pa.Field(nullable=True)
    encoding: str
    sender_id: str
    segment_count: Small
    price: object = pa.Field(metadata=DECIMAL)
    territory: str
    window_key: str
    slice_no: Whole
    origin: str
    import_id: Whole = pa.Field(nullable=True)
    row_number: Whole
    unit_count: Small
    segment_price: object = pa.Field(metadata=DECIMAL)
    typography: Small
    accents: Small
    is_defaulted: Truth


class Exclusions(Frame):
    """Contacts that get no message. Grain: one contact of one source. No key. ``reason``: the first that applies."""

    number_id: Whole
    msisdn: str
    reason: str
    origin: str
    import_id: Whole = pa.Field(nullable=True)
    row_number: Whole


class LeftoverCells(Frame):
    """Cells with content that is not meant for a phone. Grain: one recipient and ``field_no``, from 1. No key."""

    field_no: Whole
    cell: str
    price: object = pa.Field(metadata=DECIMAL)


class ClosedAddresses(Frame):
    """Addresses whose window never opens. Grain and key: (``territory``, ``postcode``)."""

    territory: str
    postcode: str = pa.Field(nullable=True)


class TerritoryTerms(Frame):
    """The STOP mention and the price of each territory. Grain and key: ``territory``.

    ``stop_mention``: with its leading space; ``segment_price``: exact decimal text in the tariff's unit.
    """

    territory: str = pa.Field(unique=True)
    stop_mention: str
    segment_price: str


class WindowKeys(Frame):
    """The window key of each address. Grain and key: (``territory``, ``postcode``)."""

    territory: str
    postcode: str = pa.Field(nullable=True)
    window_key: str


class WindowQueue(Frame):
    """The queue: the numbers of the first message and slice of each window key. Grain and key: ``window_key``."""

    window_key: str = pa.Field(unique=True)
    first_no: Whole
    first_slice_no: Whole


class RewrittenTexts(Frame):
    """Texts whose characters were replaced. Grain: one recipient. Key: ``recipient_no``."""

    recipient_no: Whole
    text: str


class TextSizes(Frame):
    """Sizes of texts. Grain: one recipient. Key: ``recipient_no``.

    ``unit_count``: GSM-7 septets or UCS-2 code units; ``typography``, ``accents``: segments after such replacements.
    """

    recipient_no: Whole
    is_ucs2: Truth
    unit_count: Small
    segment_count: Small
    typography: Small
    accents: Small


class ExpiredMessages(Frame):
    """Messages to empty. Grain and key: (``campaign_id``, ``recipient_id``). ``new_id``: the tombstone."""

    campaign_id: Whole
    recipient_id: Whole
    is_keyed_by_number: Truth
    new_id: Whole
    new_ref: str


class ComparedLines(Frame):
    """Lines of an invoice and messages, compared. Grain: one line, or one message that no line names. No key.

    ``category``: of ``InvoiceCategory``. ``invoiced`` is 0 if there is no readable price. ``charged`` is 0 unless it is
    the only line of a message of the month.
    """

    line_no: Whole = pa.Field(nullable=True)
    raw_line: str = pa.Field(nullable=True)
    gateway_message_id: str = pa.Field(nullable=True)
    client_ref: str = pa.Field(nullable=True)
    campaign: str = pa.Field(nullable=True)
    accepted_at: Instant = pa.Field(nullable=True)
    category: str
    invoiced: object = pa.Field(metadata=DECIMAL)
    charged: object = pa.Field(metadata=DECIMAL)
    unit: str = pa.Field(nullable=True)
    invoiced_segments: Whole = pa.Field(nullable=True)
    charged_segments: Whole = pa.Field(nullable=True)
