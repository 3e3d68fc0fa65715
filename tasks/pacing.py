"""How much goes out at once: slices, requests and segments a second, from the manifest and the team's settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import groupby

from schemas.gateway import Batch, Manifest, OutgoingMessage, Resolution
from store.claims import Claim
from tasks.settings import settings

#: Where nothing settles an unknown message but a person, no more than so many are ever in flight.
MOST_UNSETTLED = 4
#: A slice holds no more than one request, or what the gateway takes in so long: the rest would be posted too fast.
_SLICE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """What one campaign may have in flight: ``slices`` claimed, in ``requests`` at once."""

    slice_size: int
    slices: int
    requests: int
    segments_per_second: float


def pace_of(manifest: Manifest) -> Pace:
    """Return the pace of a gateway.

    After a kill at most ``slices`` × ``slice_size`` messages are unknown: as many slices as senders, and four messages
    in all where the gateway can neither be asked again nor looked up.
    """
    found = settings()
    requests = found.concurrency or manifest.concurrency
    rate = found.segments_per_second or manifest.segments_per_second
    slice_size = min(found.slice_size, max(manifest.batch_size, int(rate * _SLICE_SECONDS)))
    if manifest.resolution is Resolution.NEITHER:
        slice_size = min(slice_size, MOST_UNSETTLED)
        return Pace(slice_size, min(requests, MOST_UNSETTLED // slice_size), min(requests, MOST_UNSETTLED), rate)
    return Pace(slice_size, requests, requests, rate)


def batches_of(claim: Claim, manifest: Manifest) -> list[Batch]:
    """Cut a claim into requests; the same claim is always cut in the same way, under the same keys.

    The key has the moment of the claim: a restored store gives a slice's number to another one than before.
    """
    runs: list[Sequence[OutgoingMessage]] = [claim.messages]
    if manifest.one_text_a_batch:
        runs = [list(run) for _, run in groupby(sorted(claim.messages, key=_shape), key=_shape)]
    claim_mark = f"{claim.slice_no}-{claim.claimed_at.astimezone(UTC):%Y%m%d%H%M%S%f}"
    return [
        Batch(run[at : at + manifest.batch_size], f"{run[at].client_ref}-{claim_mark}", claim.claimed_at)
        for run in runs
        for at in range(0, len(run), manifest.batch_size)
    ]


def _shape(message: OutgoingMessage) -> tuple[str, str, str, str]:
    return message.text, message.encoding, message.sender_id, str(message.valid_until)
