"""Record, after the call: what the gateway answered, what nobody knows, and what is found out later."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from schemas.gateway import Outcome, SubmitOutcome
from store.database import Transaction
from store.journal import add_credit, add_events, append_events, total_price
from store.lease import Lease, check_lease
from store.opt_outs import add_opt_outs

#: What an outcome makes of a message, and of the credit its claim reserved; unknown keeps its reserve.
_EVENT_OF = {
    Outcome.ACCEPTED: "accepted",
    Outcome.REJECTED: "rejected",
    Outcome.BLACKLISTED: "rejected",
    Outcome.NOT_ACCEPTED: "planned",
    Outcome.UNKNOWN: "unknown",
}
_CREDIT_OF = {
    Outcome.ACCEPTED: "capture",
    Outcome.REJECTED: "release",
    Outcome.BLACKLISTED: "release",
    Outcome.NOT_ACCEPTED: "release",
}
_UNANSWERED = SubmitOutcome("", Outcome.UNKNOWN, reason="the gateway said nothing of this message")


def record(
    visit: Transaction, lease: Lease, slice_no: int, outcomes: Sequence[SubmitOutcome], ask_after: datetime
) -> dict[str, int]:
    """Write what the gateway answered for the messages of a slice that are still open.

    An open message without an outcome is unknown, and may be asked for from ``ask_after`` on. What is proved not
    accepted goes into a new slice.

    Returns:
        How many messages got each event.

    Raises:
        LeaseLost: another owner took the campaign, and has made these messages unknown.
    """
    check_lease(visit, lease)
    campaign = visit.row("campaign.get", campaign_id=lease.campaign_id) or {}
    members = _answered(visit, lease, slice_no, outcomes)
    counts: dict[str, int] = {}
    for outcome in Outcome:
        group = members[members["outcome"] == outcome]
        if not group.empty:
            counts[_EVENT_OF[outcome]] = counts.get(_EVENT_OF[outcome], 0) + len(group)
            _write_outcome(visit, lease, campaign, slice_no, outcome, group)
    if "unknown" in counts:
        _make_unknown(visit, lease, slice_no, ask_after, absent_count=0)
    else:
        visit.run("slice.settle", campaign_id=lease.campaign_id, slice_no=slice_no)
    return counts


def abandon_claims_of_others(visit: Transaction, lease: Lease) -> int:
    """Make the claims of owners who lost the lease unknown: nobody knows what the gateway did; return how many."""
    count = 0
    for row in visit.rows("slice.left_by_others", campaign_id=lease.campaign_id, fence=lease.fence):
        members = visit.frame("slice.open_members", campaign_id=lease.campaign_id, slice_no=row["slice_no"])
        claimed = members[members["state"] == "claimed"]
        add_events(visit, lease, row["slice_no"], claimed, "unknown", reason="its sender is gone")
        _make_unknown(visit, lease, row["slice_no"], row["ask_after"], row["absent_count"])
        count += len(claimed)
    return count


def unknown_slices(visit: Transaction, campaign_id: int) -> list[dict[str, Any]]:
    """Return the slices with messages nobody knows the fate of: ``slice_no``, ``claimed_at``, ``ask_after``, …."""
    return visit.rows("slice.unknown", campaign_id=campaign_id)


def open_client_refs(visit: Transaction, lease: Lease, slice_no: int) -> list[str]:
    """Return the references of a slice's messages that are still open."""
    return list(visit.frame("slice.open_members", campaign_id=lease.campaign_id, slice_no=slice_no)["client_ref"])


def note_absence(visit: Transaction, lease: Lease, slice_no: int, ask_after: datetime) -> None:
    """Remember a look-up that found no trace: absence counts when it is seen twice, a settling time apart."""
    check_lease(visit, lease)
    found = visit.row("slice.get", campaign_id=lease.campaign_id, slice_no=slice_no) or {}
    _make_unknown(visit, lease, slice_no, ask_after, found["absent_count"] + 1)


def apply_moves(visit: Transaction, moves: pd.DataFrame) -> None:
    """Append the events that delivery reports prove; on an unknown message a report proves acceptance first.

    Args:
        visit: the open transaction.
        moves: one row a message, keyed by (campaign_id, recipient_id): ``state``, ``event``, ``reason``, ``slice_no``,
            ``price``, and the gateway's own id of it, ``gateway_message_id``.
    """
    rows = moves.assign(fence=0)
    was_unknown = rows["state"].isin(["unknown", "written_off"])
    append_events(visit, rows[was_unknown].assign(event="accepted", reason="a delivery report proves it"))
    for _, group in rows[was_unknown].groupby(["campaign_id", "slice_no"]):
        first = group.iloc[0]
        campaign = visit.row("campaign.get", campaign_id=int(first["campaign_id"])) or {}
        add_credit(visit, campaign, int(first["slice_no"]), "capture", total_price(group))
    append_events(visit, rows.assign(gateway_message_id=None))


def _answered(visit: Transaction, lease: Lease, slice_no: int, outcomes: Sequence[SubmitOutcome]) -> pd.DataFrame:
    """Return the slice's open members, each with its outcome."""
    by_ref = {outcome.client_ref: outcome for outcome in outcomes}
    members = visit.frame("slice.open_members", campaign_id=lease.campaign_id, slice_no=slice_no)
    found = [by_ref.get(client_ref, _UNANSWERED) for client_ref in members["client_ref"]]
    columns = {
        "outcome": [item.outcome for item in found],
        "gateway_message_id": [item.gateway_message_id for item in found],
        "reason": [item.reason for item in found],
    }
    return pd.concat([members, pd.DataFrame(columns, index=members.index, dtype=object)], axis=1)


def _write_outcome(
    visit: Transaction,
    lease: Lease,
    campaign: Mapping[str, Any],
    slice_no: int,
    outcome: Outcome,
    members: pd.DataFrame,
) -> None:
    if outcome is Outcome.UNKNOWN:  # those that are unknown already stay what they are
        add_events(visit, lease, slice_no, members[members["state"] == "claimed"], "unknown")
        return
    add_credit(visit, campaign, slice_no, _CREDIT_OF[outcome], total_price(members))
    if outcome is Outcome.BLACKLISTED:
        add_opt_outs(visit, members[["number_id", "msisdn"]], "gateway", f"blacklisted by {campaign['gateway']}")
    if outcome is Outcome.NOT_ACCEPTED:
        _requeue(visit, lease, campaign, slice_no, members)
    else:
        add_events(visit, lease, slice_no, members, _EVENT_OF[outcome])


def _requeue(
    visit: Transaction, lease: Lease, campaign: Mapping[str, Any], slice_no: int, members: pd.DataFrame
) -> None:
    found = visit.row("slice.get", campaign_id=lease.campaign_id, slice_no=slice_no) or {}
    if campaign["is_stopped"]:  # cancelled while it was in flight: it never left, and never will
        add_events(visit, lease, slice_no, members, "planned")
        add_events(visit, lease, slice_no, members, "cancelled")
        return
    new_slice_no = int(visit.value("slice.next_no", campaign_id=lease.campaign_id))
    visit.run(
        "slice.requeue",
        campaign_id=lease.campaign_id,
        slice_no=new_slice_no,
        window_key=found["window_key"],
        message_count=len(members),
        price=total_price(members),
    )
    add_events(visit, lease, new_slice_no, members, "planned")


def _make_unknown(visit: Transaction, lease: Lease, slice_no: int, ask_after: datetime, absent_count: int) -> None:
    visit.run(
        "slice.make_unknown",
        campaign_id=lease.campaign_id,
        slice_no=slice_no,
        ask_after=ask_after,
        absent_count=absent_count,
    )
