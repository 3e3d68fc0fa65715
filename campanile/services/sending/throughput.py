"""The pace of a gateway: slices, requests and segments a second, from the manifest and the settings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from itertools import groupby

from campanile.services.sending.in_flight import InFlightSlice
from campanile.services.settings import Settings
from campanile.sms.errors import GatewayThrottled
from campanile.store.ledger.claims import Claim
from campanile.store.ledger.rate_limit import slow_down, speed_up
from campanile.store.ledger.sender_session import SenderSession
from schemas.gateway import Batch, Manifest, Outcome, OutgoingMessage, Resolution

#: How many messages may be in flight if only a person can settle an unknown one.
MAX_UNSETTLED = 4
#: A slice is at most one request, or what the gateway takes in so many seconds: more would be posted too fast.
_SLICE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How many ``slices`` of one campaign may be claimed, and ``requests`` open, at once."""

    slice_size: int
    slices: int
    requests: int
    segments_per_second: float


def pace_of(settings: Settings, manifest: Manifest) -> Pace:
    """Return the pace of a gateway.

    After a kill at most ``slices`` × ``slice_size`` messages are unknown: as many slices as requests, and four messages
    in all if the gateway has neither idempotency keys nor look-ups.
    """
    requests = settings.concurrency or manifest.concurrency
    rate = settings.segments_per_second or manifest.segments_per_second
    slice_size = min(settings.slice_size, max(manifest.batch_size, int(rate * _SLICE_SECONDS)))
    if manifest.resolution is Resolution.NEITHER:
        slice_size = min(slice_size, MAX_UNSETTLED)
        return Pace(slice_size, min(requests, MAX_UNSETTLED // slice_size), min(requests, MAX_UNSETTLED), rate)
    return Pace(slice_size, requests, requests, rate)


def batches_of(claim: Claim, manifest: Manifest) -> list[Batch]:
    """Split a claim into requests; the same claim always gives the same requests with the same keys.

    The key contains the time of the claim: a restored store may give the number of a slice to another one.
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


def adapt_rate(session: SenderSession, inflight: InFlightSlice) -> None:
    """Lower the rate of the gateway after a throttled answer, and raise it again after a good one."""
    top_rate, bucket = session.rules.segments_per_second, session.bucket
    throttled = [error for error in inflight.errors if isinstance(error, GatewayThrottled)]
    if throttled:
        if len(throttled) == len(inflight.errors) and not inflight.outcomes_of(Outcome.ACCEPTED):
            segments = sum(member.segment_count for member in inflight.claim.members)
            bucket = replace(bucket, tokens=min(bucket.tokens + segments, top_rate))  # none of them was accepted
        waits = [error.retry_after for error in throttled if error.retry_after is not None]
        session.put_bucket(slow_down(bucket, top_rate, max(waits, default=None)))
    elif (bucket.rate < top_rate or bucket.strikes) and not inflight.errors:
        session.put_bucket(speed_up(bucket, top_rate))


def _shape(message: OutgoingMessage) -> tuple[str, str, str, str]:
    return message.text, message.encoding, message.sender_id, str(message.valid_until)
