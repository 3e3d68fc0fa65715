"""How long a provider may still try a message, where it counts from when it took it."""

import math

from schemas.gateway import Batch, OutgoingMessage

#: What a claim, its request and the answer take at most. Taken off, so that nobody gets a message after its time.
ON_THE_WAY_SECONDS = 60.0
PASSED = "validity passed"


def seconds_left(message: OutgoingMessage, batch: Batch) -> float:
    """Return the seconds of validity to ask for, infinite without ``valid_until``; not positive: it is too late.

    Reckoned from the claim, for adapters read no wall clock.
    """
    if message.valid_until is None:
        return math.inf
    return (message.valid_until - batch.since).total_seconds() - ON_THE_WAY_SECONDS
