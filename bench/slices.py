"""What one slice of 500 costs the store: a transaction that records an answer and claims the next slice.

Once in a campaign a hundredth as long, and in the long one at its beginning and near its end, when its events are twice
its messages. Wall-clock time, the two campaigns in turn, medians.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.sending import (
    BATCH_SIZE,
    TUESDAY_MORNING,
    approve_campaign,
    copy_store,
    open_campaign,
    read_stops,
    sending_house,
)
from campanile.gateways.registry import manifest_of
from campanile.store.db.database import one_core, transaction
from campanile.store.ledger.claims import Claim, claim_slices
from campanile.store.ledger.outcomes import record
from campanile.store.ledger.run_lifecycle import count_messages
from campanile.store.ledger.sender_session import sender_session
from schemas.gateway import Outcome, SubmitOutcome
from tasks.context import current_context

TX_COUNT = 60
SHARE = 100


@dataclass(frozen=True, slots=True)
class SliceCost:
    """Milliseconds of a transaction: at the beginning and near the end of a long campaign, and in a short one."""

    message_count: int
    short_count: int
    at_first_ms: float
    at_last_ms: float
    short_ms: tuple[float, float]

    @property
    def ratios(self) -> tuple[float, float]:
        """How many times as expensive it is in the long campaign: at its beginning, near its end."""
        return self.at_first_ms / self.short_ms[0], self.at_last_ms / self.short_ms[1]


class Opened:
    """An approved campaign in a copy of its store, sent slice by slice to a gateway that accepts all at once."""

    def __init__(self, ready: Path, folder: Path) -> None:
        copy_store(ready, folder)
        self.path = folder / "store.duckdb"
        with sending_house(folder):
            self.lease = open_campaign()
            self.rules = current_context().claim_rules(manifest_of("sandbox"))
        with transaction(self.path, _now) as tx:
            read_stops(tx)
        self.sent_count = 0
        self._claim: Claim | None = None

    def transactions(self) -> Iterator[float]:
        """Yield the seconds of each transaction; the first one has nothing to record."""
        with one_core():
            while True:
                answers = [_accepted(message.client_ref) for message in self._claim.messages] if self._claim else []
                started = time.perf_counter()
                with transaction(self.path, _now) as tx, sender_session(tx, self.lease, self.rules) as now:
                    if self._claim is not None:
                        self.sent_count += len(answers)
                        after = tx.at + timedelta(seconds=5)
                        record(now, self._claim.slice_no, answers, after, claimed=self._claim.members)
                    claims = claim_slices(now).claims
                lasted = time.perf_counter() - started
                self._claim = claims[0] if claims else None
                if self._claim is None:
                    return
                yield lasted

    def check(self, left: int) -> None:
        """See that the ledger has what was sent, and that no more than so many messages are left."""
        with transaction(self.path, _now) as tx:
            counts = count_messages(tx, self.lease.campaign_id)
            states: dict[str, int] = {row.state: row.message_count for row in counts}
        if states.get("accepted", 0) != self.sent_count or sum(states.values()) - self.sent_count > left:
            raise SystemExit(f"slices: {self.sent_count} were sent, and the ledger says {states}")


class Again:
    """A short campaign, sent again and again from fresh copies."""

    def __init__(self, ready: Path, folder: Path) -> None:
        self._ready, self._folder, self._count = ready, folder, 0

    def transactions(self) -> Iterator[float]:
        """Yield the seconds of each transaction that has something to record."""
        while True:
            self._count += 1
            opened = Opened(self._ready, self._folder / f"short-{self._count}")
            transactions = opened.transactions()
            next(transactions)
            yield from transactions
            opened.check(left=0)


def slice_cost(size: int) -> SliceCost:
    """Measure in a campaign of so many messages, and in one of a hundredth of it."""
    with tempfile.TemporaryDirectory() as folder:
        long_ready, short_ready = Path(folder) / "long", Path(folder) / "short"
        for ready, count in ((long_ready, size), (short_ready, max(size // SHARE, 2 * BATCH_SIZE))):
            ready.mkdir()
            approve_campaign(ready, count)
        opened, short = Opened(long_ready, Path(folder) / "sent"), Again(short_ready, Path(folder)).transactions()
        long = opened.transactions()
        next(long)
        tx_count = min(TX_COUNT, size // BATCH_SIZE // 4)
        first, short_first = _compare(long, short, tx_count)
        while opened.sent_count < size - 2 * tx_count * BATCH_SIZE:
            next(long)
        last, short_last = _compare(long, short, tx_count)
        with suppress(StopIteration):
            while True:
                next(long)
        opened.check(left=0)
        return SliceCost(opened.sent_count, size // SHARE, first, last, (short_first, short_last))


def _compare(long: Iterator[float], short: Iterator[float], count: int) -> tuple[float, float]:
    """Return the median milliseconds of so many transactions in each, in turn."""
    pairs = [(next(long), next(short)) for _ in range(count)]
    long_ms, short_ms = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    return long_ms, short_ms


def _accepted(client_ref: str) -> SubmitOutcome:
    return SubmitOutcome(client_ref, Outcome.ACCEPTED, f"m-{client_ref}")


def _now() -> datetime:
    """Return the time of the bench, which stands: the leases and the STOPs just read hold for ever."""
    return datetime.fromisoformat(TUESDAY_MORNING).astimezone(UTC)
