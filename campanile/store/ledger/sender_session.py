"""The session of a sender: one transaction that reads its campaign once and writes all changes at once.

No other process writes before the transaction ends, so nothing is read twice. A statement costs more than its rows, so
the session collects the changes of several slices.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from campanile.sms.states import CampaignState, CreditKind, MessageState, SliceState
from campanile.store.campaigns.pause import pause_and_alert
from campanile.store.db.clock_check import newest_time
from campanile.store.db.database import Transaction
from campanile.store.ledger.claim_checks import ClaimRules
from campanile.store.ledger.events import SliceCredit, SliceEvents, add_credit_entries, add_slice_events
from campanile.store.ledger.lease import Lease, LeaseLost, check_lease
from campanile.store.ledger.look_up_lag import SETTLE, LateAcceptance, learned_seconds, raise_settling, take_late
from campanile.store.ledger.rate_limit import PACE, Bucket, put_bucket, read_bucket
from schemas.campaign_rows import Campaign
from schemas.inbound_rows import GatewayState
from schemas.ledger_rows import MessageEvent, Slice


class _Taken(NamedTuple):
    slice_no: int
    claimed_at: datetime
    ask_after: datetime
    first_event_id: int | None


@dataclass(slots=True)
class SenderSession:
    """One transaction of a sender.

    Attributes:
        ran_out_at: when its lease would have expired.
        read_at: when the cursors of the gateway last moved, by name.
        newest_at: the newest time in the store; None: nothing was recorded.
        slices: the slices that are claimed or unknown, by number.
        settle_seconds: how long after a post absence proves nothing: from the rules, or as it was learned.
        paused_why: why this session paused the campaign.
        ids: the message ids that this session has recorded, each with its client reference.
    """

    tx: Transaction
    lease: Lease
    rules: ClaimRules
    campaign: Campaign
    ran_out_at: datetime
    read_at: Mapping[str, datetime]
    bucket: Bucket
    slices: dict[int, Slice]
    settle_seconds: float
    newest_at: datetime | None = None
    paused_why: str | None = None
    ids: dict[str, str] = field(default_factory=dict)
    _events: list[SliceEvents] = field(default_factory=list)
    _credit: list[SliceCredit] = field(default_factory=list)
    _taken: list[_Taken] = field(default_factory=list)
    _settled: list[int] = field(default_factory=list)

    def row_of(self, slice_no: int) -> Slice:
        """Return a slice, in any state."""
        known = self.slices.get(slice_no)
        return known or self.tx.get(Slice, "slice.get", campaign_id=self.lease.campaign_id, slice_no=slice_no)

    def unknown_slices(self) -> list[Slice]:
        """Return the slices that have unknown messages."""
        return [row for row in self.slices.values() if row.state == SliceState.UNKNOWN]

    @property
    def gives_back(self) -> bool:
        """Whether a collected change releases credit, and perhaps messages, for the next claim."""
        return any(entry.kind == CreditKind.RELEASE for entry in self._credit)

    def add_events(self, slice_no: int, event: MessageState, messages: Sequence[MessageEvent]) -> None:
        """Add one event for each message of a slice."""
        if messages:
            self._events.append(SliceEvents(slice_no, event, messages))

    def add_credit(self, slice_no: int, kind: CreditKind, amount: Decimal) -> None:
        """Add a credit entry; none for an amount of zero."""
        if amount:
            self._credit.append(SliceCredit(slice_no, kind, amount))

    def take(self, slice_no: int, claimed_at: datetime, ask_after: datetime, first_event_id: int | None = None) -> None:
        """Mark a slice as claimed; its claim begins at ``first_event_id``, or else at its next event."""
        self._taken.append(_Taken(slice_no, claimed_at, ask_after, first_event_id))

    def settle(self, slice_no: int) -> None:
        """Mark a slice as settled: all its messages are decided."""
        self._settled.append(slice_no)
        self.slices.pop(slice_no, None)

    def make_unknown(self, slice_no: int, ask_after: datetime, absent_count: int) -> None:
        """Mark a slice as one with unknown messages, which may be asked for from ``ask_after`` on."""
        self.tx.run(
            "slice.make_unknown",
            campaign_id=self.lease.campaign_id,
            slice_no=slice_no,
            ask_after=ask_after,
            absent_count=absent_count,
        )
        self.slices[slice_no] = self.row_of(slice_no)._replace(
            state=SliceState.UNKNOWN, ask_after=ask_after, absent_count=absent_count
        )

    def dispute(self, slice_no: int, why: str) -> None:
        """Pause the campaign; absence no longer settles this slice."""
        self.tx.run("slice.dispute", campaign_id=self.lease.campaign_id, slice_no=slice_no)
        if slice_no in self.slices:
            self.slices[slice_no] = self.slices[slice_no]._replace(is_disputed=True)
        self.pause(why)

    def pause(self, why: str) -> None:
        """Pause the campaign because of an answer of its gateway; nothing more is claimed in this session."""
        self.campaign = pause_and_alert(self.tx, self.campaign, why)
        self.paused_why = self.paused_why or why

    def learn_settling(self, seconds: float) -> None:
        """Raise the settling time, after a look-up that came too early."""
        if raise_settling(self.tx, self.campaign.gateway, seconds):
            self._read_settling()

    def take_late(self, late: Sequence[LateAcceptance]) -> None:
        """Raise the settling time, after messages that were absent were accepted nevertheless."""
        self.write()
        if take_late(self.tx, self.campaign.gateway, late):
            self._read_settling()
            self.campaign = self.tx.get(Campaign, "campaign.get", campaign_id=self.lease.campaign_id)
            if self.campaign.state == CampaignState.PAUSED:
                self.paused_why = self.campaign.state_reason

    def _read_settling(self) -> None:
        self.settle_seconds = max(self.settle_seconds, learned_seconds(self.tx, self.campaign.gateway))
        self.slices = _open_slices(self.tx, self.lease)

    def put_bucket(self, bucket: Bucket) -> None:
        """Write the bucket of the gateway."""
        self.bucket = bucket
        put_bucket(self.tx, self.campaign.gateway, bucket)

    def write(self) -> None:
        """Write the collected changes; events, credit and slices that are read afterwards include them."""
        first_ids = add_slice_events(self.tx, self.lease, self._events)
        add_credit_entries(self.tx, self.campaign, self._credit)
        campaign_id = self.lease.campaign_id
        if self._settled:
            self.tx.run("slice.settle", campaign_id=campaign_id, slice_nos=self._settled)
        for taken in self._taken:
            if taken.first_event_id is None:
                taken = taken._replace(first_event_id=first_ids[taken.slice_no])
            self.tx.run("slice.claim", campaign_id=campaign_id, fence=self.lease.fence, **taken._asdict())
        for collected in (self._events, self._credit, self._settled, self._taken):
            collected.clear()


@contextmanager
def sender_session(tx: Transaction, lease: Lease, rules: ClaimRules) -> Iterator[SenderSession]:
    """Open a sender session in a transaction; its changes are written at its end.

    Raises:
        LeaseLost: another owner took the campaign.
    """
    ran_out_at = check_lease(tx, lease)
    found = tx.reconciliation
    if found is not None and found.doubted_at is None:
        raise LeaseLost(f"{found.reason}; the messages of this sender are unknown until the gateway was asked")
    campaign = tx.get(Campaign, "campaign.get", campaign_id=lease.campaign_id)
    states = {row.name: row for row in tx.select(GatewayState, "state.of", gateway=campaign.gateway)}
    learned = states.get(SETTLE)
    now = SenderSession(
        tx,
        lease,
        rules,
        campaign,
        ran_out_at,
        read_at={name: row.changed_at for name, row in states.items()},
        bucket=read_bucket(states.get(PACE), rules.segments_per_second, tx.at),
        slices=_open_slices(tx, lease),
        settle_seconds=max(rules.settle_seconds, float(learned.value) if learned else 0.0),
        newest_at=newest_time(tx),
    )
    yield now
    now.write()


def _open_slices(tx: Transaction, lease: Lease) -> dict[int, Slice]:
    return {row.slice_no: row for row in tx.select(Slice, "slice.open", campaign_id=lease.campaign_id)}
