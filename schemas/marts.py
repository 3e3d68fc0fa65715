"""The tables for analysts: each column once, with its type and its meaning.

``publish-snapshot`` writes them to ``data/snapshot/``; the data dictionary, dbt's ``sources.yml`` and the data contract
are made from them. Statements ``snapshot.…`` have the columns; a column that is missing there is an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass

CONTRACT_VERSION = "1.0.0"
"""Raise the first number when a column goes or changes its meaning, the second when one is added."""
TEXT, WHOLE, REAL, TRUTH, INSTANT, DAY, AMOUNT = (
    "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP WITH TIME ZONE", "DATE", "DECIMAL(18,6)",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a mart: its name, its DuckDB type, its meaning, and whether it always has a value."""

    name: str
    kind: str
    meaning: str
    is_required: bool = True
    is_personal: bool = False


@dataclass(frozen=True, slots=True)
class Mart:
    """A table for analysts: one Parquet file. ``key``: the columns that identify a row."""

    name: str
    meaning: str
    grain: str
    key: Sequence[str]
    columns: Sequence[Column]


def _optional(name: str, kind: str, meaning: str) -> Column:
    return Column(name, kind, meaning, is_required=False)


_SNAPSHOT_AT = Column("snapshot_at", INSTANT, "when the store was read; the same in all tables of one snapshot")
_CAMPAIGN_ID = Column("campaign_id", WHOLE, "the campaign; joins campaigns")
_GATEWAY = Column("gateway", TEXT, "the gateway that sends the messages")
_UNIT = Column("unit", TEXT, "currency code, or credit: the unit of all amounts of the row")
_PERSON = Column(
    "person_key", TEXT, "pseudonym of the number, the same in all tables and snapshots of one store", is_personal=True
)
_NUMBER = Column(
    "number", TEXT, "the number with its middle hidden; empty unless SMS_SNAPSHOT_NUMBERS=masked", False, True
)
_KINDS = "marketing, alert, auto_reply, test or notice"

CAMPAIGNS = Mart(
    "campaigns",
    "Campaigns with their counts and costs.",
    "one campaign; automatic answers, tests and notices have one campaign for each gateway",
    ("campaign_id",),
    (
        Column("campaign_id", WHOLE, "number of the campaign in the store"),
        Column("name", TEXT, "key of the campaign; free again after a cancellation"),
        _optional("title", TEXT, "the name that people gave, if it is not the key"),
        Column("kind", TEXT, _KINDS),
        Column("state", TEXT, "prepared, approved, sending, parked, paused, finished or cancelled"),
        _GATEWAY,
        Column("policy", TEXT, "policy of the sending windows"),
        Column("sender_id", TEXT, "what the phone shows as sender"),
        _optional("cost_centre", TEXT, "cost centre of the draft"),
        Column("is_sample", TRUTH, "made from sample files: leave it out of figures"),
        Column("created_at", INSTANT, "first preparation"),
        _optional("approved_at", INSTANT, "last approval"),
        _optional("first_accepted_at", INSTANT, "first message accepted by the gateway"),
        _optional("last_accepted_at", INSTANT, "last message accepted by the gateway"),
        _optional("audience_count", WHOLE, "contacts of the recap, before exclusions"),
        _optional("exclusion_count", WHOLE, "contacts that get no message"),
        Column("message_count", WHOLE, "messages"),
        Column("segment_count", WHOLE, "segments of all messages"),
        Column("accepted_count", WHOLE, "messages that the gateway accepted, delivered or not"),
        Column("delivered_count", WHOLE, "messages delivered to the phone"),
        Column("undelivered_count", WHOLE, "accepted messages that a delivery report calls not delivered"),
        Column("rejected_count", WHOLE, "messages that the gateway refused"),
        Column("unknown_count", WHOLE, "messages with an unknown outcome, also those that were written off"),
        Column("replied_count", WHOLE, "people with an accepted message who replied; machines do not count"),
        Column("opted_out_count", WHOLE, "people with an accepted message who opted out because of it"),
        _UNIT,
        _optional("planned", AMOUNT, "price of all messages, by the recap"),
        Column("captured", AMOUNT, "price of the accepted messages, by the recap"),
        Column("charged", AMOUNT, "the accepted messages, as the gateway charged them"),
        _SNAPSHOT_AT,
    ),
)
MESSAGES = Mart(
    "messages",
    "Messages with their state, price and times; no texts.",
    "one message",
    ("client_ref",),
    (
        Column("client_ref", TEXT, "our reference of the message at the gateway"),
        _CAMPAIGN_ID,
        _PERSON,
        _NUMBER,
        Column("territory", TEXT, "country or territory of the number"),
        Column("encoding", TEXT, "GSM-7 or UCS-2"),
        Column("segment_count", WHOLE, "segments that it is billed by"),
        Column("origin", TEXT, "the list, the file or the way by which the recipient came"),
        _optional("import_id", WHOLE, "import of the recipient; joins list_quality"),
        Column("state", TEXT, "planned, claimed, accepted, delivered, undelivered, rejected, unknown, …"),
        _optional("reason", TEXT, "why it has this state, as the gateway or Campanile says"),
        Column("price", AMOUNT, "price by the recap"),
        _optional("charged", AMOUNT, "what the gateway charged; only if it accepted the message"),
        _optional("accepted_at", INSTANT, "accepted by the gateway"),
        _optional("delivered_at", INSTANT, "delivered to the phone, by the delivery report"),
        _optional("seconds_to_delivery", REAL, "from acceptance to delivery"),
        _SNAPSHOT_AT,
    ),
)
REPLIES = Mart(
    "replies",
    "Replies with their verdict; no texts.",
    "one reply",
    ("reply_id",),
    (
        Column("reply_id", WHOLE, "number of the reply in the store"),
        _optional("campaign_id", WHOLE, "the last campaign of this person; joins campaigns"),
        Column("gateway", TEXT, "the gateway that it came by"),
        Column(_PERSON.name, TEXT, f"{_PERSON.meaning}; empty if the sender is no number", False, True),
        _NUMBER,
        Column("verdict", TEXT, "stop, stop_doubtful, start, help, wrong_number, auto_reply or other"),
        _optional("answer", TEXT, "what was decided on the automatic answer; empty: nothing yet"),
        _optional("settled_as", TEXT, "what a person made of a doubtful one: keep or lift"),
        Column("received_at", INSTANT, "as the gateway says"),
        Column("text_length", WHOLE, "characters of its text"),
        _SNAPSHOT_AT,
    ),
)
COSTS = Mart(
    "costs",
    "Costs of accepted messages by month.",
    "one campaign in one month",
    ("campaign_id", "month_on"),
    (
        Column("month_on", DAY, "first day of the month of acceptance, on the team's clock"),
        _CAMPAIGN_ID,
        Column("kind", TEXT, _KINDS),
        _optional("cost_centre", TEXT, "cost centre of the draft"),
        _GATEWAY,
        Column("message_count", WHOLE, "accepted messages"),
        Column("segment_count", WHOLE, "their segments, by the recap"),
        Column("charged_segment_count", WHOLE, "their segments, as the gateway charged them"),
        _UNIT,
        Column("captured", AMOUNT, "their price, by the recap"),
        Column("charged", AMOUNT, "the same, as the gateway charged them"),
        _SNAPSHOT_AT,
    ),
)
LIST_QUALITY = Mart(
    "list_quality",
    "Imported contact files, and what became of their contacts.",
    "one import of a contact file",
    ("import_id",),
    (
        Column("import_id", WHOLE, "number of the import in the store"),
        Column("list_name", TEXT, "the list"),
        Column("source", TEXT, "name of the file, each run of digits as #: a partner's weekly files are one source"),
        Column("imported_at", INSTANT, "time of the import"),
        _optional("undone_at", INSTANT, "when the import was undone"),
        Column("row_count", WHOLE, "rows = accepted + updated + duplicate + rejected"),
        Column("accepted_count", WHOLE, "rows with new people"),
        Column("updated_count", WHOLE, "rows with newer fields of known people"),
        Column("duplicate_count", WHOLE, "rows with nothing new"),
        Column("rejected_count", WHOLE, "rows that cannot be used"),
        Column("opted_out_later_count", WHOLE, "its new people who opted out afterwards"),
        Column("dead_later_count", WHOLE, "its new people whose number does not exist"),
        Column("message_count", WHOLE, "accepted messages to its people"),
        Column("delivered_count", WHOLE, "of these, delivered"),
        _SNAPSHOT_AT,
    ),
)
MARTS: Sequence[Mart] = (CAMPAIGNS, MESSAGES, REPLIES, COSTS, LIST_QUALITY)
