"""A sender's transaction: what stands in the store of its campaign, read once, and what it writes, written at once.

Nobody else writes before the transaction ends, so nothing is read twice; and a statement costs more than its rows, so a
round collects what several slices leave behind.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from campanile.sms.states import CampaignState, SliceState
from campanile.store.campaigns.pause import pause_and_alert
from campanile.store.db.clock_check import newest_time
from campanile.store.db.database import Transaction
from campanile.store.ledger.claim_checks import ClaimRules
from campanile.store.ledger.events import SliceCredit, SliceEvents, add_credit_entries, add_slice_events
from campanile.store.ledger.lease import Lease, LeaseLost, check_lease
from campanile.store.ledger.look_up_lag import SETTLE, LateAcceptance, learned_seconds, raise_settling, take_late
from campanile.store.ledger.rate_limit import PACE, Bucket, put_bucket, read_bucket
from schemas.rows import Campaign


class _Taken(NamedTuple):
    slice_no: int
    claimed_at: datetime
    ask_after: datetime
    first_event_id: int | None


@dataclass(slots=True)
class SenderSession:
    """One transaction of a sender.

    Attributes:
        ran_out_at: when its lease would have run out.
        read_at: when the gateway's cursors were last moved, by name.
        newest_at: the newest time in the store; None: nothing was recorded.
        slices: the rows of the slices that are claimed or unknown, by number.
        settle_seconds: how long after a post absence proves nothing, by the rules and by what the gateway has taught.
        paused_why: why this round has paused the campaign.
        ids: the gateway's ids that this round has recorded, and whose they are.
    """

    tx: Transaction
    lease: Lease
    rules: ClaimRules
    campaign: Campaign
    ran_out_at: datetime
    read_at: Mapping[str, datetime]
    bucket: Bucket
    slices: dict[int, dict[str, Any]]
    settle_seconds: float
    newest_at: datetime | None = None
    paused_why: str | None = None
    ids: dict[str, str] = field(default_factory=dict)
    _events: list[SliceEvents] = field(default_factory=list)
    _credit: list[SliceCredit] = field(default_factory=list)
    _taken: list[_Taken] = field(default_factory=list)
    _settled: list[int] = field(default_factory=list)

    def row_of(self, slice_no: int) -> dict[str, Any]:
        """Return the row of a slice, whatever its state."""
        names = {"campaign_id": self.lease.campaign_id, "slice_no": slice_no}
        return self.slices.get(slice_no) or self.tx.one("slice.get", **names)

    def unknown_slices(self) -> list[dict[str, Any]]:
        """Return the slices with messages nobody knows the fate of."""
        return [row for row in self.slices.values() if row["state"] == "unknown"]

    @property
    def gives_back(self) -> bool:
        """Tell whether what is collected gives credit, and perhaps messages, back to whoever claims next."""
        return any(entry.kind == "release" for entry in self._credit)

    def add_events(
        self, slice_no: int, members: Sequence[Mapping[str, Any]], event: str, reason: str | None = None
    ) -> None:
        """Leave an event behind for each member of a slice."""
        if members:
            self._events.append(SliceEvents(slice_no, event, members, reason))

    def add_credit(self, slice_no: int, kind: str, amount: Decimal) -> None:
        """Leave a credit entry behind; nothing for nothing."""
        if amount:
            self._credit.append(SliceCredit(slice_no, kind, amount))

    def take(self, slice_no: int, claimed_at: datetime, ask_after: datetime, first_event_id: int | None = None) -> None:
        """Mark a slice as claimed since then, from this event of it on: from its next one, where none is given."""
        self._taken.append(_Taken(slice_no, claimed_at, ask_after, first_event_id))

    def settle(self, slice_no: int) -> None:
        """Mark a slice as settled: nothing of it is open."""
        self._settled.append(slice_no)
        self.slices.pop(slice_no, None)

    def make_unknown(self, slice_no: int, ask_after: datetime, absent_count: int) -> None:
        """Mark a slice as one with messages nobody knows the fate of, and when to ask for them."""
        changed = {"ask_after": ask_after, "absent_count": absent_count}
        self.tx.run("slice.make_unknown", campaign_id=self.lease.campaign_id, slice_no=slice_no, **changed)
        self.slices[slice_no] = self.row_of(slice_no) | changed | {"state": SliceState.UNKNOWN}

    def dispute(self, slice_no: int, why: str) -> None:
        """Pause the campaign, and let no absence settle a slice any more."""
        self.tx.run("slice.dispute", campaign_id=self.lease.campaign_id, slice_no=slice_no)
        if slice_no in self.slices:
            self.slices[slice_no]["is_disputed"] = True
        self.pause(why)

    def pause(self, why: str) -> None:
        """Pause the campaign for what its gateway answers; nothing more of it is claimed in this round."""
        self.campaign = pause_and_alert(self.tx, self.campaign, why)
        self.paused_why = self.paused_why or why

    def learn_settling(self, seconds: float) -> None:
        """Let absence count later, where a look-up has come too early."""
        if raise_settling(self.tx, self.campaign.gateway, seconds):
            self._read_settling()

    def take_late(self, late: Sequence[LateAcceptance]) -> None:
        """Let absence count later, after acceptances that were taken as absent."""
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
        """Keep the gateway's bucket as it stands now."""
        self.bucket = bucket
        put_bucket(self.tx, self.campaign.gateway, bucket)

    def write(self) -> None:
        """Write what was collected; whoever reads events, credit or slices afterwards finds it there."""
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
    """Begin a sender's round in a transaction; at its end what it collected is written.

    Raises:
        LeaseLost: another owner took the campaign.
    """
    ran_out_at = check_lease(tx, lease)
    found = tx.reconciliation
    if found is not None and found.doubted_at is None:
        raise LeaseLost(f"{found.reason}; what this sender holds is unknown until the gateway was asked")
    campaign = tx.get(Campaign, "campaign.get", campaign_id=lease.campaign_id)
    states = {row["name"]: row for row in tx.rows("state.of", gateway=campaign.gateway)}
    learned = states.get(SETTLE)
    now = SenderSession(
        tx,
        lease,
        rules,
        campaign,
        ran_out_at,
        read_at={name: row["changed_at"] for name, row in states.items()},
        bucket=read_bucket(states.get(PACE), rules.segments_per_second, tx.at),
        slices=_open_slices(tx, lease),
        settle_seconds=max(rules.settle_seconds, float(learned["value"]) if learned else 0.0),
        newest_at=newest_time(tx),
    )
    yield now
    now.write()


def _open_slices(tx: Transaction, lease: Lease) -> dict[int, dict[str, Any]]:
    return {row["slice_no"]: row for row in tx.rows("slice.open", campaign_id=lease.campaign_id)}
