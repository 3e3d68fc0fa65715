"""Rows about one person: lists, files, messages, exclusions, replies and opt-outs of one number."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from campanile.sms.states import CampaignKind, CampaignState, MessageState


@dataclass(frozen=True, slots=True)
class Membership:
    """A list that the person is in, and the row of the file that brought them; ``fields``: the merge fields now."""

    list_name: str
    territory: str
    fields: Mapping[str, str]
    legal_basis: str | None
    wording: str | None
    declared_by: str | None
    declared_at: datetime | None
    import_id: int
    file_name: str
    file_sha256: str
    row_number: int
    imported_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class FileRow:
    """A valid row of a file of contacts or opt-outs with the number; ``fate``: its result (``RowResult``)."""

    import_id: int
    kind: str
    list_name: str | None
    file_name: str
    row_number: int
    fate: str
    fields: Mapping[str, str]
    imported_at: datetime
    undone_at: datetime | None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A rejected row whose line contains the number."""

    import_id: int
    file_name: str
    row_number: int
    reason: str
    raw_line: str
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class PersonMessage:
    """A message to the person.

    ``reported_at``: when the phone got it, or did not, by the provider's clock. ``reports_read_at``: when the reports
    of its gateway were last read whole. ``origin``: the list, or ``typed``. ``charged`` is None if it was not accepted.
    """

    campaign: str
    title: str | None
    kind: CampaignKind
    campaign_state: CampaignState
    state: MessageState
    reason: str | None
    text: str
    sender_id: str
    segment_count: int
    charged: Decimal | None
    origin: str
    file_name: str | None
    row_number: int | None
    claimed_at: datetime | None
    accepted_at: datetime | None
    reported_at: datetime | None
    changed_at: datetime | None
    created_at: datetime
    client_ref: str
    gateway_message_id: str | None
    gateway: str
    reports_read_at: datetime | None


@dataclass(frozen=True, slots=True)
class PersonExclusion:
    """A campaign that left the person out; ``reason``: a key of ``EXCLUSION_REASONS``."""

    campaign: str
    title: str | None
    kind: CampaignKind
    campaign_state: CampaignState
    reason: str
    origin: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AbsentCampaign:
    """A campaign to lists that the person was not in."""

    campaign: str
    title: str | None
    kind: CampaignKind
    campaign_state: CampaignState
    lists: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PersonReply:
    """A reply of the person; ``answer``: the decision on the automatic answer, a key of ``ANSWER_WORDS``.

    ``campaign``: of the last message before it, ``message_text``, which was submitted at ``message_at``.
    ``handed_over_at``, ``mailed_at``: when the reply owner got it, in the file and by mail.
    """

    reply_id: int
    gateway: str
    text: str
    verdict: str
    campaign: str | None
    answer: str
    received_at: datetime
    recorded_at: datetime
    settled_as: str | None
    settled_by: str | None
    message_text: str | None
    message_at: datetime | None
    handed_over_at: datetime | None
    mailed_at: datetime | None
    reply_owner: str | None


@dataclass(frozen=True, slots=True)
class OptOutEntry:
    """An opt-out of the person, and how it ended; ``lifted_at`` is None while it applies.

    ``lift_reason``: why a named person undid it. ``pushed_to``: the gateways to whose own list it was added, and when.
    """

    entry_id: int
    source: str
    source_ref: str | None
    channel: str | None
    note: str | None
    said_at: datetime | None
    recorded_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_reply_id: int | None
    lift_reason: str | None
    pushed_to: str | None
    pushed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeadNumber:
    """A number that does not exist, as an operator reported."""

    reason: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class DeadNumberEvent:
    """``event``: the number ``died`` or was ``revived``, with the evidence; a revival by a row of a file."""

    event: str
    reason: str
    evidence: str
    file_name: str | None
    row_number: int | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Absences:
    """How often in a row the phone was absent, since and until when, by our clock."""

    absence_count: int
    first_at: datetime
    last_at: datetime
