"""Check the message ids of a gateway: each must belong to one message, and a message must keep its id."""

from collections import Counter
from collections.abc import Mapping, Sequence

from campanile.sms.text.formatting import count_text
from campanile.sms.text.masking import mask_numbers
from campanile.store.billing.alerts import raise_alert
from campanile.store.campaigns.pause import pause_and_alert
from campanile.store.db.database import Transaction
from campanile.store.ledger.sender_session import SenderSession
from schemas.campaign_rows import Campaign
from schemas.gateway import SubmitOutcome
from schemas.inbound_rows import DisputedReport
from schemas.ledger_rows import KnownId, Slice

#: How many events back the ids of an answer to a post are compared: all of them would cost more in each claim of a
#: long campaign. A look-up is compared with all, and so is a campaign at its end.
LOOK_BACK_EVENTS = 50_000


def dispute_ids(
    session: SenderSession,
    found: Slice,
    outcomes: Sequence[SubmitOutcome],
    *,
    is_first: bool,
    was_looked_up: bool,
) -> list[SubmitOutcome]:
    """Return the answers of a gateway; an answer is disputed if its id belongs to another message or has changed.

    A disputed answer pauses the campaign, with an alert, and no absence settles the slice any more.

    Args:
        session: the sender session.
        found: the slice.
        outcomes: the answers for its messages.
        is_first: they answer the first post of the slice, so none of its messages has an id.
        was_looked_up: they answer a look-up.
    """
    ids = {item.client_ref: item.gateway_message_id for item in outcomes if item.gateway_message_id is not None}
    doubts = {item.client_ref: str(item.reason) for item in outcomes if item.is_disputed}
    doubts |= _shared(session, ids, was_looked_up=was_looked_up)
    if not is_first:  # guard: changed-id
        doubts |= _changed(session, found, ids)
    if doubts:
        why = mask_numbers(next(iter(doubts.values())))
        session.dispute(
            found.slice_no,
            f"gateway {session.campaign.gateway} gave an impossible answer for "
            f"{count_text(len(doubts), 'message')} of slice {found.slice_no} of {session.campaign.name}: {why}. "
            "None of them is sent again automatically; ask the provider, settle unknown messages with resolve-unknown, "
            "then run resume-campaign",
        )
    session.ids |= {message_id: ref for ref, message_id in ids.items() if ref not in doubts}
    return [
        SubmitOutcome.disputed(item.client_ref, doubts[item.client_ref]) if item.client_ref in doubts else item
        for item in outcomes
    ]


def alert_shared_ids(tx: Transaction, campaign: Campaign) -> int:
    """Compare all ids of a finished campaign with all ids of its gateway; alert when messages share one.

    Return how many ids are shared.
    """
    gateway, name = campaign.gateway, campaign.name
    shared = tx.values("event.ids_shared", campaign_id=campaign.campaign_id, gateway=gateway)
    if shared:
        first = mask_numbers(str(shared[0]))
        why = f"gateway {gateway} gave {count_text(len(shared), 'id')} of {name} to several messages, such as {first!r}"
        raise_alert(tx, f"message ids: {name}", gateway, f"{why}: ask the provider which of them were sent")
    return len(shared)


def disputed_reports(tx: Transaction, gateway: str) -> list[int]:
    """Return the positions of the staged reports whose message id belongs to another message: they prove nothing.

    A campaign is paused if a report names one of its messages under the id of another message, or under a new id.
    """
    rows = tx.select(DisputedReport, "report.of_other_ids", gateway=gateway)
    for campaign_id, count in Counter(row.campaign_id for row in rows).items():
        campaign = tx.get(Campaign, "campaign.get", campaign_id=campaign_id)
        pause_and_alert(
            tx,
            campaign,
            f"gateway {gateway} reports on {count_text(count, 'message')} of {campaign.name} under an id that it "
            "had not given: each may have been sent twice. Compare the export of the campaign with the gateway's bill",
        )
    return [row.position for row in rows if row.is_of_another]


def _shared(session: SenderSession, ids: Mapping[str, str], *, was_looked_up: bool) -> dict[str, str]:
    """Return why an id belongs to another message, by client reference."""
    if not ids:
        return {}
    counts = Counter(ids.values())
    after = 0 if was_looked_up else max(0, int(session.tx.value("event.next_id")) - 1 - LOOK_BACK_EVENTS)
    rows = session.tx.select(
        KnownId,
        "event.ids_taken",
        gateway=session.campaign.gateway,
        gateway_message_ids=list(ids.values()),
        after_event_id=after,
    )
    owners: dict[str, set[str]] = {}
    for message_id, ref in [(row.gateway_message_id, row.client_ref) for row in rows] + list(session.ids.items()):
        owners.setdefault(message_id, set()).add(ref)
    found = {}
    for ref, message_id in ids.items():
        if counts[message_id] > 1:  # guard: shared-id
            found[ref] = f"one id for {counts[message_id]} messages ({message_id[:40]!r})"
        elif owners.get(message_id, set()) - {ref}:
            found[ref] = f"an id that another message has ({message_id[:40]!r})"
    return found


def _changed(session: SenderSession, found: Slice, ids: Mapping[str, str]) -> dict[str, str]:
    """Return why an id is not the one that its message had before, by client reference."""
    session.write()
    known: dict[str, set[str]] = {}
    for row in session.tx.select(
        KnownId,
        "event.ids_of_slice",
        campaign_id=found.campaign_id,
        first_event_id=found.first_event_id,
        cut_as=found.cut_as,
    ):
        known.setdefault(row.client_ref, set()).add(row.gateway_message_id)
    return {
        ref: f"another id than before ({min(known[ref])[:40]!r}, and now {message_id[:40]!r})"
        for ref, message_id in ids.items()
        if ref in known and message_id not in known[ref]
    }
