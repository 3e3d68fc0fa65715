"""Rows of sending, as they travel: one class a table or query, one field a column."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from campanile.sms.states import CampaignKind, CampaignState, MessageState, SliceState
from schemas.gateway import Charge


class Slice(NamedTuple):
    """A slice that a sender has claimed: in flight, unknown, or settled since; key ``campaign_id``, ``slice_no``.

    ``fence`` is that of the sender; 0: none is known. ``cut_as`` is the slice that its messages were cut into first,
    ``first_event_id`` the first event of its last claim. ``ask_after``: from when on the gateway may be asked for it;
    ``absent_count``: look-ups since the claim that found no trace of it.
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
    """A slice that waits to be claimed; ``first_event_id`` is None for one that was never claimed."""

    campaign_id: int
    slice_no: int
    window_key: str
    is_requeued: bool
    segment_count: int
    not_before: datetime | None
    cut_as: int
    first_event_id: int | None


class WaitingPlace(NamedTuple):
    """A place with planned slices, and the time of its own that they wait for, if they have one."""

    window_key: str
    not_before: datetime | None


class Member(NamedTuple):
    """A message of a slice as it is posted. The sender reads one for each message: the columns are in this order."""

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
    """A message that was claimed once: still in flight, unknown, or put back into the queue, since ``changed_at``."""

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
    """A message that goes back into the queue, and why."""

    recipient_id: int
    segment_count: int
    price: Decimal
    reason: str | None
    gateway_message_id: str | None = None


class MessageEvent(NamedTuple):
    """What an event says of one message besides its name."""

    recipient_id: int
    gateway_message_id: str | None = None
    reason: str | None = None


class ChargedMessage(NamedTuple):
    """A message that a gateway accepted, and what it says that it charged.

    ``price`` and ``segment_count`` are those of the recap; ``charged_before`` is the charge written before, if any.
    """

    recipient_id: int
    slice_no: int
    price: Decimal
    segment_count: int
    charge: Charge
    charged_before: Decimal | None = None


class ChargeTotals(NamedTuple):
    """What a campaign was to cost by its recap, how much more it was charged, and messages with other segments."""

    captured: Decimal
    adjusted: Decimal
    segment_changes: int


class BarredNumber(NamedTuple):
    """A number that gets no marketing: after an opt-out, else because it does not exist."""

    number_id: int
    is_opted_out: bool


class KnownId(NamedTuple):
    """An id of the gateway's own, and the message that it was given to."""

    client_ref: str
    gateway_message_id: str


class HeldLease(NamedTuple):
    """The lease of a campaign: who holds it until when; ``run_id`` is the Prefect run, where there is one."""

    fence: int
    owner: str
    expires_at: datetime
    run_id: str | None


class AvailableCredit(NamedTuple):
    """The credit of a gateway: the last ``balance`` read, and of it what is ``available``."""

    available: Decimal
    unit: str
    balance: Decimal


class StoreState(NamedTuple):
    """The number of the store's last commit, and the reconciliation that is open or was confirmed last."""

    store_id: str
    sequence: int
    committed_at: datetime
    reconcile_reason: str | None
    reconcile_since: datetime | None
    missing_since: datetime | None
    doubted_at: datetime | None


class ScheduledFlow(NamedTuple):
    """When a scheduled flow last started and last ended well, and the error of its last run."""

    flow_name: str
    watched_since: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class DueCampaign:
    """A campaign that a run must send now; ``run_id`` is the run that held its lease last."""

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
    """A campaign that goes on when a store that came back is confirmed."""

    name: str
    state: CampaignState
    due_at: datetime | None
    planned_count: int
    unknown_count: int


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A message that the gateway may or may not have accepted; ``reason`` in the gateway's words or ours.

    ``claimed_at``: when it was submitted first. ``ask_after``: from when on a person may decide on it.
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
    """Messages that did not arrive, by state and reason."""

    state: MessageState
    reason: str
    message_count: int


@dataclass(frozen=True, slots=True)
class CampaignEvent:
    """Who did what to a campaign, and when."""

    event: str
    version: int
    actor: str
    detail: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class MessageOfTest:
    """A message of a test; ``price`` of all its segments."""

    msisdn: str
    text: str
    encoding: str
    segment_count: int
    price: Decimal
    state: MessageState


class OwnMessage(NamedTuple):
    """A message that Campanile writes itself, as the store takes it: ``price`` of all its segments, as text."""

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
