"""Record, after the call: what the gateway answered, what nobody knows, and what is found out later."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from schemas.gateway import Outcome, SubmitOutcome
from store.answers import why_silent
from store.charges import deviates, note_charges
from store.clearance import ClaimRules
from store.database import Transaction
from store.evidence import accept_put_back
from store.ids import dispute_ids
from store.journal import UNDECIDED, SliceEvents, add_events, add_slice_events, once_claimed, total_price
from store.lease import NO_SENDER, Lease
from store.opt_outs import add_opt_outs
from store.rounds import Round
from store.settling import ABSENT, LateAcceptance

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
    now: Round,
    slice_no: int,
    outcomes: Sequence[SubmitOutcome],
    ask_after: datetime,
    *,
    claimed: Sequence[Mapping[str, Any]] | None = None,
    was_looked_up: bool = False,
) -> dict[str, int]:
    """Write what the gateway answered for the messages of a slice that are still open.

    An open message without an outcome is unknown, and may be asked for from ``ask_after`` on. What is proved not
    accepted goes into a new slice. An id that is another message's, or not the one that a message is known by, is not
    believed: that message stays unknown, and the campaign is paused (``store.ids``). What the gateway says that it
    charged is written beside what the recap said, and may pause the campaign as well (``store.charges``). Asked again,
    a gateway may have what it was thought not to have: that is accepted while it waits to be sent again, and absence
    counts later from then on (``store.settling``).

    Args:
        now: the round; what is written is written at its end.
        slice_no: the slice.
        outcomes: what the gateway said, in any order.
        ask_after: when the gateway may be asked for what is unknown.
        claimed: the slice's members as its claim read them: claimed under this lease, nobody else moves them.
        was_looked_up: the outcomes are those of a look-up.

    Returns:
        How many messages got each event.
    """
    visit, found, settle_seconds = now.visit, now.row_of(slice_no), now.settle_seconds
    if claimed is not None and found["state"] == "claimed" and found["fence"] == now.lease.fence:
        members = [{**row, "state": "claimed"} for row in claimed]
    else:
        members = once_claimed(visit, found, *UNDECIDED)
    said = dispute_ids(now, found, outcomes, is_first=claimed is not None, was_looked_up=was_looked_up)
    counts: Counter[str] = Counter()
    charged: list[Mapping[str, Any]] = []
    if claimed is None and (proved := accept_put_back(visit, found, said)):
        counts["accepted"] += len(proved)
        charged += proved
        late = [row for row in proved if row["state_reason"] == ABSENT and found["fence"] != NO_SENDER]
        now.take_late([LateAcceptance(found["claimed_at"], row["changed_at"]) for row in late])
    if was_looked_up:
        said = _after_look_up(now, slice_no, members, said)
    if now.row_of(slice_no)["is_disputed"]:
        said = _without_absence(said)
    for outcome, group in _by_outcome(members, said).items():
        counts[_EVENT_OF[outcome]] += len(group)
        _note_outcome(now, found, outcome, group)
        charged += [{**row, "slice_no": slice_no} for row in group if outcome is Outcome.ACCEPTED]
    if "unknown" in counts:
        learned = timedelta(seconds=now.settle_seconds - settle_seconds)
        now.make_unknown(slice_no, ask_after + learned, absent_count=0)
    else:
        now.settle(slice_no)
    _note_charges(now, [row for row in charged if row["charge"] is not None])
    return dict(counts)


def abandon_claims_of_others(visit: Transaction, lease: Lease, rules: ClaimRules) -> int:
    """Make the claims of owners who lost the lease unknown: nobody knows what the gateway did; return how many.

    Where the clock jumped forward the lease ran out early, and its owner may be posting at this moment. So nobody asks
    for these before such a post would be over, counted from now.
    """
    count = 0
    over_at = visit.at + timedelta(seconds=rules.claim_seconds + rules.deadline_seconds + rules.settle_seconds)
    for row in visit.rows("slice.left_by_others", campaign_id=lease.campaign_id, fence=lease.fence):
        members = once_claimed(visit, {**row, "campaign_id": lease.campaign_id}, *UNDECIDED)
        claimed = [row for row in members if row["state"] == "claimed"]
        add_events(visit, lease, row["slice_no"], claimed, "unknown", reason="its sender is gone")
        visit.run(
            "slice.make_unknown",
            campaign_id=lease.campaign_id,
            ask_after=max(row["ask_after"], over_at),
            **{name: row[name] for name in ("slice_no", "absent_count")},
        )
        count += len(claimed)
    return count


def unknown_slices(visit: Transaction, campaign_id: int) -> list[dict[str, Any]]:
    """Return the slices with messages nobody knows the fate of: ``slice_no``, ``claimed_at``, ``ask_after``, …."""
    return visit.rows("slice.unknown", campaign_id=campaign_id)


def note_absence(now: Round, slice_no: int, ask_after: datetime) -> None:
    """Remember a look-up that found no trace: absence counts when it is seen twice, a settling time apart."""
    now.make_unknown(slice_no, ask_after, now.row_of(slice_no)["absent_count"] + 1)


def requeue(
    visit: Transaction,
    campaign: Mapping[str, Any],
    found: Mapping[str, Any],
    members: Sequence[Mapping[str, Any]],
    fence: int,
) -> None:
    """Put messages of a slice into a new one, to be sent again.

    On a stopped campaign they are cancelled instead, and so are answers of an auto-responder that is off.

    Args:
        visit: the open transaction.
        campaign: its row.
        found: the row of the slice that they were claimed from.
        members: one row a message: ``recipient_id``, ``price``, ``segment_count``, and ``reason`` where there is one.
        fence: of whoever does it.
    """
    lease = Lease(campaign["campaign_id"], fence)
    why_silent_now = why_silent(visit, campaign)
    if campaign["is_stopped"] or why_silent_now:  # stopped while it was in flight: it never left, and never will
        add_events(visit, lease, found["slice_no"], members, "planned")
        add_events(visit, lease, found["slice_no"], members, "cancelled", why_silent_now)
        return
    slice_no = int(visit.value("slice.next_no", campaign_id=lease.campaign_id))
    first_ids = add_slice_events(visit, lease, [SliceEvents(slice_no, "planned", members)])
    visit.run(
        "slice.requeue",
        campaign_id=lease.campaign_id,
        slice_no=slice_no,
        message_count=len(members),
        segment_count=sum(row["segment_count"] for row in members),
        price=total_price(row["price"] for row in members),
        first_event_id=first_ids[slice_no],
        **{name: found[name] for name in ("window_key", "not_before", "cut_as")},
    )


def _by_outcome(
    members: Sequence[Mapping[str, Any]], outcomes: Sequence[SubmitOutcome]
) -> dict[Outcome, list[dict[str, Any]]]:
    """Return the members of a slice by outcome, each with the gateway's id, words and charge."""
    by_ref = {outcome.client_ref: outcome for outcome in outcomes}
    groups: dict[Outcome, list[dict[str, Any]]] = {}
    for row in members:
        answer = by_ref.get(row["client_ref"], _UNANSWERED)
        names = ("gateway_message_id", "reason", "charge")
        answered = {**row, **{name: getattr(answer, name) for name in names}}
        groups.setdefault(answer.outcome, []).append(answered)
    return groups


def _after_look_up(
    now: Round, slice_no: int, members: Sequence[Mapping[str, Any]], said: Sequence[SubmitOutcome]
) -> list[SubmitOutcome]:
    """Return what a look-up said, absence with its reason, once what it shows of its own delay is learned.

    What is found after it was found absent took longer to be seen than was waited for; then what is still absent may
    take as long, and proves nothing yet. What was found before, and is shown again, says nothing of the delay.
    """
    seconds, still_open = now.settle_seconds, {row["client_ref"] for row in members}
    found = any(item.outcome is Outcome.ACCEPTED and item.client_ref in still_open for item in said)
    if found and now.row_of(slice_no)["absent_count"]:
        now.learn_settling(2 * seconds)
    if now.settle_seconds > seconds:
        return _without_absence(said)
    return [replace(item, reason=ABSENT) if item.outcome is Outcome.NOT_ACCEPTED else item for item in said]


def _without_absence(said: Sequence[SubmitOutcome]) -> list[SubmitOutcome]:
    """Return what was said with nothing proved absent."""
    return [replace(item, outcome=Outcome.UNKNOWN) if item.outcome is Outcome.NOT_ACCEPTED else item for item in said]


def _note_charges(now: Round, rows: Sequence[Mapping[str, Any]]) -> None:
    if not any(deviates(row, now.rules.prices) for row in rows):
        return
    now.write()  # what was captured is compared with it
    why = note_charges(now.visit, now.campaign, rows, now.rules.prices)
    if why is not None:
        now.pause(why)


def _note_outcome(now: Round, found: Mapping[str, Any], outcome: Outcome, members: Sequence[Mapping[str, Any]]) -> None:
    slice_no = found["slice_no"]
    if outcome is Outcome.UNKNOWN:  # those that are unknown already stay what they are
        now.add_events(slice_no, [row for row in members if row["state"] == "claimed"], "unknown")
        return
    now.add_credit(slice_no, _CREDIT_OF[outcome], total_price(row["price"] for row in members))
    if outcome is Outcome.BLACKLISTED:
        people = pd.DataFrame(members, columns=["number_id", "msisdn"])
        add_opt_outs(now.visit, people, "gateway", f"blacklisted by {now.campaign['gateway']}")
    if outcome is Outcome.NOT_ACCEPTED:
        requeue(now.visit, now.campaign, found, members, now.lease.fence)
    else:
        now.add_events(slice_no, members, _EVENT_OF[outcome])
