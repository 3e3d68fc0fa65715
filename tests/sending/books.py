"""Compare the store with the gateway's own bill."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Self

from campanile.store.db.invariants import broken_invariants
from tests.store.conftest import Desk

ACCEPTED = ("accepted", "delivered", "undelivered")
NEVER_SENT = ("suppressed", "cancelled", "expired", "rejected", "written_off")


@dataclass(frozen=True, slots=True)
class Bill:
    """The comparison for one campaign or several. Amounts are in euros.

    Attributes:
        messages: planned at first.
        billed: lines of the bill.
        duplicates: lines beyond the first of a message.
        lost: neither billed, nor unknown, nor in a state that says why it was not sent.
        phantom: accepted here, not billed there.
        unseen: billed there, and here neither accepted nor unknown.
        unknown: their outcome is not known; ``unknown_billed`` of them are on the bill.
        orphaned: messages whose sender died while they were in flight.
        late: lines of the bill that came when their claim and the deadline were over, where each post is a claim.
        difference: between the bill and what was captured and is unknown: zero, to the cent.
        broken: invariants that do not hold.
    """

    messages: int = 0
    billed: int = 0
    duplicates: int = 0
    lost: int = 0
    phantom: int = 0
    unseen: int = 0
    unknown: int = 0
    unknown_billed: int = 0
    orphaned: int = 0
    late: int = 0
    difference: Decimal = Decimal(0)
    broken: int = 0

    @classmethod
    def of(
        cls, desk: Desk, name: str, lines: Sequence[Mapping[str, Any]], claim_lasts: timedelta | None = None
    ) -> Self:
        """Compare a campaign with the bill of its gateway; ``claim_lasts`` until nothing of it can arrive any more."""
        campaign_id = desk.find(name).campaign_id
        rows = desk.sql(f"SELECT client_ref, state FROM message_status WHERE campaign_id = {campaign_id}")
        states = dict(rows)
        times = Counter(line["client_ref"] for line in lines if line["client_ref"] in states)
        prices = {line["client_ref"]: Decimal(line["price"]) for line in lines}
        unknown_billed = [ref for ref in times if states[ref] == "unknown"]
        captured = desk.sql(
            "SELECT coalesce(sum(amount), 0) FROM credit_entry "
            f"WHERE kind IN ('capture', 'adjust') AND campaign_id = {campaign_id}"
        )[0][0]
        with desk.tx(read_only=True) as tx:
            broken = broken_invariants(tx)
        return cls(
            messages=len(states),
            billed=times.total(),
            duplicates=times.total() - len(times),
            lost=sum(state not in (*ACCEPTED, *NEVER_SENT, "unknown") for ref, state in rows if ref not in times),
            phantom=sum(state in ACCEPTED and ref not in times for ref, state in rows),
            unseen=sum(states[ref] not in (*ACCEPTED, "unknown") for ref in times),
            unknown=sum(state == "unknown" for state in states.values()),
            unknown_billed=len(unknown_billed),
            orphaned=_orphaned(desk, campaign_id),
            late=_late(desk, campaign_id, lines, claim_lasts) if claim_lasts is not None else 0,
            difference=sum((prices[ref] * count for ref, count in times.items()), Decimal(0))
            - sum((prices[ref] for ref in unknown_billed), Decimal(0))
            - captured,
            broken=sum(broken.values()),
        )

    def __add__(self, other: "Bill") -> "Bill":
        return Bill(**{name: value + getattr(other, name) for name, value in asdict(self).items()})

    def wrong(self) -> dict[str, Decimal | int]:
        """Return the figures that must be zero and are not."""
        found = asdict(self)
        must_be_zero = ("duplicates", "lost", "phantom", "unseen", "late", "difference", "broken")
        return {name: found[name] for name in must_be_zero if found[name]}


def _orphaned(desk: Desk, campaign_id: int) -> int:
    found = desk.sql(
        "SELECT count(*) FROM message_event "
        f"WHERE campaign_id = {campaign_id} AND event = 'unknown' AND reason = 'its sender is gone'"
    )
    return int(found[0][0])


def _late(desk: Desk, campaign_id: int, lines: Sequence[Mapping[str, Any]], claim_lasts: timedelta) -> int:
    claimed_at: dict[str, list[datetime]] = {}
    for ref, at in desk.sql(
        "SELECT client_ref, recorded_at FROM message_event JOIN message USING (campaign_id, recipient_id) "
        f"WHERE campaign_id = {campaign_id} AND event = 'claimed'"
    ):
        claimed_at.setdefault(ref, []).append(at)
    arrived = ((datetime.fromisoformat(line["accepted_at"]), claimed_at.get(line["client_ref"], ())) for line in lines)
    return sum(not any(at <= when <= at + claim_lasts for at in claims) for when, claims in arrived)
