"""Rows of sending: one class per table or query, one field per column."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from campanile.sms.states import CampaignKind, CampaignState, MessageState, SliceState
from schemas.gateway import Charge


class Slice(NamedTuple):
    """A slice that a sender has claimed: in flight, unknown, or settled since; key ``campaign_id``, ``slice_no``.

    ``fence``: that of the sender; 0: no sender is known. ``cut_as``: the slice that its messages were first cut into.
    ``first_event_id``: the first event of its last claim. ``ask_after``: from when on the gateway may be asked.
    ``absent_count``: look-ups since the claim that did not find it.
    """

    campaign_id: int
    slice_no: int
    window_key: str
    message_count: int
    price: Decimal
    is_requeued: bool
    state: SliceState
    fence: int
    claimed_at: datetime
    ask_after: datetime
    absent_count: int
    not_before: datetime | None
    segment_count: int
    cut_as: int
    first_event_id: int
    is_disputed: bool


class QueuedSlice(NamedTuple):
    """A slice that waits to be claimed; ``first_event_id`` is None if its messages have no event."""

    campaign_id: int
    slice_no: int
    window_key: str
    is_requeued: bool
    segment_count: int
    not_before: datetime | None
    cut_as: int
    first_event_id: int | None


class WaitingWindow(NamedTuple):
    """A window key with planned slices; ``not_before``: the local time that they wait for, None: the campaign's."""

    window_key: str
    not_before: datetime | None


class Member(NamedTuple):
    """A message of a slice as it is posted. The sender reads one per message, so the columns must have this order."""

    slice_no: int
    recipient_id: int
    number_id: int
    msisdn: str
    text: str
    encoding: str
    sender_id: str
    client_ref: str
    segment_count: int
    price: Decimal


class ClaimedMessage(NamedTuple):
    """A message that was claimed: in flight, unknown, or put back into the queue, since ``changed_at``."""

    campaign_id: int
    recipient_id: int
    number_id: int
    msisdn: str
    client_ref: str
    segment_count: int
    price: Decimal
    state: MessageState
    slice_no: int
    state_reason: str | None
    changed_at: datetime


class RequeuedMessage(NamedTuple):
    """A message to put back into the queue, with the reason."""

    recipient_id: int
    segment_count: int
    price: Decimal
    reason: str | None
    gateway_message_id: str | None = None


class MessageEvent(NamedTuple):
    """An event of one message, without its name."""

    recipient_id: int
    gateway_message_id: str | None = None
    reason: str | None = None


class ChargedMessage(NamedTuple):
    """A message that a gateway accepted, with the reported charge.

    ``price`` and ``segment_count`` are those of the recap; ``charged_before``: the charge that was stored before.
    """

    recipient_id: int
    slice_no: int
    price: Decimal
    segment_count: int
    charge: Charge
    charged_before: Decimal | None = None


class ChargeTotals(NamedTuple):
    """The price of a campaign by its recap, the adjustments, and the number of messages with other segments."""

    captured: Decimal
    adjusted: Decimal
    segment_changes: int


class BarredNumber(NamedTuple):
    """A number that gets no marketing: it opted out (``is_opted_out``), or it does not exist."""

    number_id: int
    is_opted_out: bool


class KnownId(NamedTuple):
    """A message id of the gateway, and the message that has it."""

    client_ref: str
    gateway_message_id: str


class HeldLease(NamedTuple):
    """The lease of a campaign; ``run_id``: the Prefect run, if there is one."""

    fence: int
    owner: str
    expires_at: datetime
    run_id: str | None


class StoreState(NamedTuple):
    """The number of the store's last commit, and its open or last reconciliation."""

    store_id: str
    sequence: int
    committed_at: datetime
    reconcile_reason: str | None
    reconcile_since: datetime | None
    missing_since: datetime | None
    doubted_at: datetime | None


class ScheduledFlow(NamedTuple):
    """A scheduled flow: its last start, its last good end, and the error of its last run."""

    flow_name: str
    watched_since: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class DueCampaign:
    """A campaign that a run must send now; ``run_id``: the last run that held its lease."""

    campaign_id: int
    name: str
    kind: CampaignKind
    version: int
    state: CampaignState
    updated_at: datetime
    fence: int
    run_id: str | None


@dataclass(frozen=True, slots=True)
class DoubtedCampaign:
    """A campaign that continues after the confirmation of a restored store."""

    name: str
    state: CampaignState
    due_at: datetime | None
    planned_count: int
    unknown_count: int


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A message that the gateway may or may not have accepted; ``reason``: the gateway's or ours.

    ``claimed_at``: when it was first claimed. ``ask_after``: from when on a person may decide on it.
    """

    recipient_id: int
    msisdn: str
    segment_count: int
    price: Decimal
    slice_no: int
    claimed_at: datetime
    ask_after: datetime
    reason: str | None


@dataclass(frozen=True, slots=True)
class StateCount:
    """The messages of one state."""

    state: MessageState
    message_count: int
    segment_count: int


@dataclass(frozen=True, slots=True)
class TerritoryResult:
    """The messages to one territory."""

    territory: str
    message_count: int
    accepted_count: int
    delivered_count: int
    spent: Decimal


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """Messages that were not accepted or not delivered, by state and reason."""

    state: MessageState
    reason: str
    message_count: int


@dataclass(frozen=True, slots=True)
class CampaignEvent:
    """An entry of a campaign's history."""

    event: str
    version: int
    actor: str
    detail: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class MessageOfTest:
    """A message of a test; ``price``: of all its segments."""

    msisdn: str
    text: str
    encoding: str
    segment_count: int
    price: Decimal
    state: MessageState


class SystemMessage(NamedTuple):
    """A system message to store; ``price``: of all its segments, as text."""

    recipient_id: int
    number_id: int
    msisdn: str
    text: str
    encoding: str
    sender_id: str
    segment_count: int
    price: str
    territory: str
    window_key: str
    origin: str
    import_id: int | None = None
    row_number: int | None = None
