"""The sender of one campaign: claim, post, record, with several requests open at once.

One thread uses the store. Each transaction records every answer that has arrived and claims as many slices as there are
free threads; the other threads post meanwhile. docs/reliability.md has the protocol and the meaning of each answer.
"""

import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from queue import Empty, SimpleQueue

from campanile.gateways.answer_check import check_answer
from campanile.gateways.transport import clock
from campanile.services.billing.balance_watch import BalanceWatch
from campanile.services.context import Context
from campanile.services.sending.credit_end import CreditEnd
from campanile.services.sending.in_flight import InFlightSlice, RequestKind, RunCounters, strange_reason, without_answer
from campanile.services.sending.throughput import adapt_rate, batches_of, pace_of
from campanile.services.sending.unknown_slices import askable_slices, take_unknown
from campanile.sms.errors import GatewayAmbiguous, GatewayDenied, GatewayError, GatewayUnreachable, OutOfCredit
from campanile.sms.text.masking import mask_numbers
from campanile.store.db.database import one_core
from campanile.store.ledger.claim_checks import StopReason
from campanile.store.ledger.claims import Claimed, claim_slices
from campanile.store.ledger.lease import Lease
from campanile.store.ledger.outcomes import note_absence, record
from campanile.store.ledger.run_lifecycle import RunOutcome
from campanile.store.ledger.sender_session import SenderSession, sender_session
from schemas.gateway import Batch, Gateway, SubmitOutcome

_LONGEST_PAUSE_SECONDS = 10.0
#: How a run ends by a stop reason that nothing in this process can resolve.
_OUTCOMES = {
    StopReason.NOT_APPROVED: RunOutcome(needs_person=True),
    StopReason.WOKE_UP: RunOutcome(needs_person=True, trusts_clock=False),
    StopReason.CLOCK_BEHIND: RunOutcome(is_alarming=True, trusts_clock=False),
    StopReason.DAILY_LIMIT: RunOutcome(),
}


class Sender:
    """The sender of one campaign under its lease; each run has its own sender."""

    def __init__(
        self,
        context: Context,
        lease: Lease,
        gateway: Gateway,
        read_stops: Callable[[], object],
        stop: threading.Event,
    ) -> None:
        self.counters = RunCounters()
        self.balance_watch = BalanceWatch(context, gateway.manifest.gateway)
        self.counters.end_interval()
        self._context, self._log = context, context.log
        self._lease, self._gateway = lease, gateway
        self._read_stops, self._stop = read_stops, stop
        self._pace = pace_of(self._context.settings, gateway.manifest)
        self._credit_end = CreditEnd(context, gateway.manifest, self.counters)
        self._inflight: dict[int, InFlightSlice] = {}
        self._answers: SimpleQueue[tuple[int, Sequence[SubmitOutcome], GatewayError | None]] = SimpleQueue()
        self._refusals, self._strange = 0, list[str]()
        self._last_error: GatewayError | None = None
        self._paused_why: str | None = None
        self._pool = ThreadPoolExecutor(self._pace.requests, thread_name_prefix="sender")

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the open requests, and drop those that have not begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    @one_core()
    def run(self, seconds: float) -> RunOutcome | None:
        """Send for so many seconds, or until nothing may be sent any more; return the run outcome, None: there is more.

        It ends earlier if the balance must be read. When it ends, nothing is in flight and every answer is recorded.

        Raises:
            LeaseLost: another sender took the campaign over.
        """
        ends_at = clock() + seconds
        while True:
            if self._refusals and not self._inflight:
                self._stop.wait(min(0.2 * 2 ** min(self._refusals, 9), _LONGEST_PAUSE_SECONDS))
            run_outcome = self._run_outcome()
            is_last = run_outcome is not None or clock() >= ends_at or self.balance_watch.wants_break
            claimed = self._record_and_claim(most=0 if is_last else self._free_slices())
            if self._inflight:
                self._wait_for_answers(claimed)
            elif is_last and not (self._credit_end.refused and self._credit_end.may_go_on()):
                self.counters.end_interval()
                self.balance_watch.begin_break()
                return run_outcome
            elif (run_outcome := self._rest(claimed)) is not None:
                return run_outcome

    def _run_outcome(self) -> RunOutcome | None:
        """Return why nothing more is claimed, or None; slices in flight are still recorded."""
        found, error, name = self._context.settings, self._last_error, self._gateway.manifest.gateway
        if self._stop.is_set():
            return RunOutcome("its run got a signal to end", retry_seconds=0)
        if self._paused_why is not None:
            return RunOutcome(self._paused_why, needs_person=True)
        if self._credit_end.refused is not None:
            return self._credit_end.run_outcome()
        if isinstance(error, GatewayDenied):
            return RunOutcome(str(error), needs_person=True)
        if len(self._strange) >= found.strange_answers_before_pause:
            why = f"{len(self._strange)} answers in a row could not be read: {self._strange[-1]}"
            return RunOutcome(why, needs_person=True)
        if self._refusals >= found.refusals_before_parking:
            why = f"gateway {name} could not be reached {self._refusals} times in a row: {error}"
            return RunOutcome(why, is_alarming=True)
        return None

    def _free_slices(self) -> int:
        """Return how many slices may be claimed now: each makes at least one request, and none waits for a thread."""
        under_way = [inflight.open_requests for inflight in self._inflight.values() if inflight.open_requests]
        return max(0, min(self._pace.slices - len(under_way), self._pace.requests - sum(under_way)))

    def _record_and_claim(self, most: int) -> Claimed:
        """Record the answers that have arrived, claim the next slices, then post them."""
        finished = [inflight for inflight in self._inflight.values() if inflight.open_requests == 0]
        started = clock()
        with self._session() as session:
            for inflight in finished:
                self._record(session, inflight)
            most = self.balance_watch.look(session, [inflight.claim for inflight in finished], most)
            asked = self._take_unknown(session, most, started)
            claimed = claim_slices(session, most - len(asked))  # guard: claim-before-post
            self._credit_end.draft = session.campaign.draft
            self._paused_why = session.paused_why or self._paused_why
        for inflight in finished:
            del self._inflight[inflight.claim.slice_no]
        for inflight in [
            *asked,
            # guard: post-before
            *(InFlightSlice(claim, RequestKind.POST, started + claim.lifetime_seconds) for claim in claimed.claims),
        ]:
            self._send(inflight)
        return claimed

    @contextmanager
    def _session(self, *, read_only: bool = False) -> Iterator[SenderSession]:
        with (
            self._context.transaction(read_only=read_only) as tx,
            sender_session(tx, self._lease, self._context.claim_rules(self._gateway.manifest)) as session,
        ):
            yield session

    def _record(self, session: SenderSession, inflight: InFlightSlice) -> None:
        """Write the answers of a slice."""
        slice_no, ask_after = inflight.claim.slice_no, session.tx.at + timedelta(seconds=session.settle_seconds)
        # Absence is proof when it is seen twice; the first time it is not.
        # guard: absence-twice
        is_first = inflight.kind is RequestKind.LOOK_UP and not session.row_of(slice_no).absent_count
        outcomes = inflight.without_absence() if is_first else inflight.outcomes
        counts = record(
            session,
            slice_no,
            outcomes,
            ask_after,
            claimed=inflight.claim.members if inflight.kind is RequestKind.POST else None,
            was_looked_up=inflight.kind is RequestKind.LOOK_UP,
        )
        if is_first and inflight.is_whole:
            note_absence(session, slice_no, session.tx.at + timedelta(seconds=session.settle_seconds))
        adapt_rate(session, inflight)
        self.counters.events.update(counts)
        if inflight.kind is not RequestKind.POST or inflight.errors:
            self._log.info("slice %d %s: %s", slice_no, inflight.kind.value, counts)

    def _take_unknown(self, session: SenderSession, most: int, started: float) -> list[InFlightSlice]:
        """Take the unknown slices that may be asked for now, the earliest first."""
        manifest = self._gateway.manifest
        askable = askable_slices(session, manifest, self._inflight)
        due = (row for row in askable if row.ask_after <= session.tx.at)
        return [take_unknown(session, manifest, row, started) for row in islice(due, max(most, 0))]

    def _send(self, inflight: InFlightSlice) -> None:
        still_open = {member.client_ref for member in inflight.claim.members}
        batches = [
            batch
            for batch in batches_of(inflight.claim, self._gateway.manifest)
            if any(message.client_ref in still_open for message in batch.messages)
        ]
        inflight.open_requests = len(batches)
        self._inflight[inflight.claim.slice_no] = inflight
        for batch in batches:
            self._pool.submit(self._call, inflight, batch)

    def _call(self, inflight: InFlightSlice, batch: Batch) -> None:
        """Make one request in a thread of the pool; an answer is always added.

        If the adapter fails with another error than ``GatewayError``, the request may have been sent: its messages are
        unknown.
        """
        error: GatewayError | None = None
        outcomes: Sequence[SubmitOutcome] = ()
        try:
            outcomes = check_answer(batch, self._ask(inflight, batch))
        except GatewayError as found:
            error = found
        except Exception as bug:  # noqa: BLE001 - it may have come after the request was sent
            lines = mask_numbers(traceback.format_exc())
            self._log.error("the adapter of %s failed: %s", self._gateway.manifest.gateway, lines)
            error = GatewayAmbiguous(f"the adapter failed: {type(bug).__name__}")
        if error is not None:
            outcomes = without_answer(inflight.kind, batch, error)
        self._answers.put((inflight.claim.slice_no, outcomes, error))

    def _ask(self, inflight: InFlightSlice, batch: Batch) -> Sequence[SubmitOutcome]:
        if inflight.kind is RequestKind.LOOK_UP:
            return self._gateway.look_up(batch)
        if clock() >= inflight.not_after or self._context.has_passed(inflight.claim.post_before):
            return without_answer(inflight.kind, batch, GatewayUnreachable("the time to post it had passed"))
        return self._gateway.submit(batch, inflight.not_after)

    def _wait_for_answers(self, claimed: Claimed) -> None:
        """Take all answers that have arrived; wait for one until more may be claimed or the lease must be extended."""
        timeout: float = self._context.settings.lease_seconds / 3
        if claimed.stop_reason is StopReason.PACED:
            timeout = min(timeout, claimed.wait_seconds + 0.001)
        if any(inflight.open_requests == 0 for inflight in self._inflight.values()):
            timeout = 0.0
        while True:
            try:
                slice_no, outcomes, error = self._answers.get(timeout > 0, timeout or None)
            except Empty:
                return
            inflight = self._inflight[slice_no]
            inflight.open_requests -= 1
            inflight.outcomes.extend(outcomes)
            if error is not None:
                inflight.errors.append(error)
                self._log.warning("slice %d: %s", slice_no, error)
            self._count(inflight.kind, outcomes, error)
            if inflight.open_requests == 0:
                timeout = 0.0

    def _count(self, kind: RequestKind, outcomes: Sequence[SubmitOutcome], error: GatewayError | None) -> None:
        """Count refusals and unreadable answers in a row; throttled answers and look-ups do not count.

        An error that a person must resolve is kept, whatever comes after it.
        """
        if isinstance(error, OutOfCredit):
            self._credit_end.refused = error
        elif not isinstance(self._last_error, GatewayDenied):
            self._last_error = error or self._last_error
        if kind is RequestKind.LOOK_UP:
            return
        strange = strange_reason(outcomes, error)
        self._strange = [] if strange is None else [*self._strange, strange]
        self._refusals = self._refusals + 1 if isinstance(error, GatewayUnreachable) else 0

    def _rest(self, claimed: Claimed) -> RunOutcome | None:
        """Wait for the next thing that can be done soon; return the run outcome when there is none."""
        if claimed.claims or claimed.stop_reason is None:
            return None
        if claimed.stop_reason is StopReason.NOT_COVERED:
            return None if self._credit_end.may_go_on() else self._credit_end.run_outcome(claimed.why)
        if (ended := _OUTCOMES.get(claimed.stop_reason)) is not None:
            return replace(ended, why=claimed.why, retry_seconds=claimed.wait_seconds or ended.retry_seconds)
        if claimed.stop_reason is StopReason.NOT_SENDING:  # paused for an answer of the gateway, or by a person
            return self._run_outcome() or RunOutcome(claimed.why)
        if claimed.stop_reason is StopReason.STALE_STOPS:
            self._read_new_stops()
            return None
        with self._session(read_only=True) as session:
            waits, is_asked = self._next_wait(session, claimed)
        if waits is None:
            is_held = claimed.stop_reason is StopReason.RECONCILING
            return RunOutcome(claimed.why if is_held else None, is_alarming=is_held, asks_person=not is_asked)
        if waits > self._context.settings.settle_wait_seconds:
            return RunOutcome(claimed.why or None, retry_seconds=waits)
        self._stop.wait(min(waits + 0.001, self._context.settings.lease_seconds / 3))
        return None

    def _next_wait(self, session: SenderSession, claimed: Claimed) -> tuple[float | None, bool]:
        """Return the seconds to the next step, and whether the gateway can still settle an unknown message."""
        askable = askable_slices(session, self._gateway.manifest, self._inflight)
        waits = [max(0.0, (row.ask_after - session.tx.at).total_seconds()) for row in askable]
        if claimed.stop_reason is StopReason.PACED:
            waits.append(claimed.wait_seconds)
        return min(waits, default=None), bool(askable)

    def _read_new_stops(self) -> None:
        try:
            self._read_stops()
        except GatewayError as error:
            self._last_error = error
            self._refusals += 1
            self._log.warning("STOPs cannot be read: %s", error)
