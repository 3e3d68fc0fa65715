"""Unknown slices: which of them the gateway can still be asked for, and how."""

from collections.abc import Container
from datetime import timedelta

from campanile.services.sending.in_flight import InFlightSlice, RequestKind
from campanile.store.ledger.claims import claim_again, posted_claim, was_posted_here
from campanile.store.ledger.sender_session import SenderSession
from schemas.gateway import Manifest, Resolution
from schemas.ledger_rows import Slice

#: After this time the gateway is not asked any more: later look-ups give no other answer, and a person decides.
_LONGEST_PERIOD = timedelta(days=1)


def askable_slices(session: SenderSession, manifest: Manifest, in_flight: Container[int]) -> list[Slice]:
    """Return the unknown slices that the gateway may be asked for, ordered by when.

    Args:
        session: the sender session.
        manifest: what the gateway promises.
        in_flight: the numbers of the slices that are in flight; they are not returned.
    """
    if manifest.resolution is Resolution.NEITHER:
        return []
    askable = [
        row._replace(ask_after=max(row.ask_after, session.bucket.not_before))
        for row in session.unknown_slices()
        if row.slice_no not in in_flight and session.tx.at - row.claimed_at < _look_up_period(manifest, row)
    ]
    return sorted(askable, key=lambda row: row.ask_after)


def take_unknown(session: SenderSession, manifest: Manifest, unknown: Slice, started: float) -> InFlightSlice:
    """Post a slice again under its key while the gateway knows the key and the slice may be posted; else look it up."""
    slice_no = unknown.slice_no
    # guard: key-life
    if (session.tx.at - unknown.claimed_at).total_seconds() < manifest.key_life_seconds / 2:
        claim = claim_again(session, slice_no)
        if claim is not None:
            return InFlightSlice(claim, RequestKind.POST_AGAIN, started + claim.lifetime_seconds)
    return InFlightSlice(posted_claim(session, slice_no), RequestKind.LOOK_UP, started)


def _look_up_period(manifest: Manifest, unknown: Slice) -> timedelta:
    """Return for how long after its claim an unknown slice is asked for.

    A slice that another sender may have posted before the store was restored is looked up as long as the gateway keeps
    its history, and not at all if a look-up needs the request, which is not known.
    """
    history = timedelta(days=manifest.history_days)
    if was_posted_here(unknown):
        return min(history, _LONGEST_PERIOD)
    return history if manifest.looks_up_messages else timedelta(0)
