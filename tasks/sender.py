"""The sender: claim, call, record, for one campaign, with several requests open at once.

One thread visits the store. A visit records every answer that has arrived and claims as many slices as there are free
senders; the others post meanwhile. The protocol, and what each answer of a gateway means, is in docs/reliability.md.
"""

import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from logging import Logger, LoggerAdapter
from queue import Empty, SimpleQueue
from typing import Any

from gateways.answers import check_answer
from gateways.transport import clock
from schemas.gateway import Batch, Gateway, Outcome, Resolution, SubmitOutcome
from sms.errors import GatewayAmbiguous, GatewayDenied, GatewayError, GatewayThrottled, GatewayUnreachable
from sms.masking import mask_numbers
from store.claims import Claimed, claim_again, claim_slices, posted_claim, was_posted_here
from store.clearance import Halt
from store.database import one_core
from store.lease import Lease
from store.outcomes import note_absence, record
from store.pace import slow_down, speed_up
from store.rounds import Round, sending_round
from store.sending import Ending
from tasks.flights import Ask, Flight, Tally, strange_reason
from tasks.house import claim_rules, has_passed, visit_store
from tasks.pacing import batches_of, pace_of
from tasks.settings import settings

_LONGEST_PAUSE_SECONDS = 10.0
#: A gateway that cannot tell for so long will not: then a person decides.
_ASKED_FOR = timedelta(days=1)
#: What a person must set right before anything leaves again.
_FOR_A_PERSON = frozenset({Halt.NOT_APPROVED, Halt.NOT_COVERED, Halt.WOKE_UP})


class Sender:
    """Sends one campaign under its lease; made anew for each run."""

    def __init__(
        self,
        lease: Lease,
        gateway: Gateway,
        log: "Logger | LoggerAdapter[Any]",
        read_stops: Callable[[], object],
        stop: threading.Event,
    ) -> None:
        self.tally = Tally()
        self.tally.end_leg()
        self._lease, self._gateway, self._log = lease, gateway, log
        self._read_stops, self._stop = read_stops, stop
        self._pace = pace_of(gateway.manifest)
        self._flights: dict[int, Flight] = {}
        self._answers: SimpleQueue[tuple[int, Sequence[SubmitOutcome], GatewayError | None]] = SimpleQueue()
        self._refusals, self._strange = 0, list[str]()
        self._last_error: GatewayError | None = None
        self._paused_why: str | None = None
        self._pool = ThreadPoolExecutor(self._pace.requests, thread_name_prefix="sender")

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        """Let the requests that are open end, and forget those that have not begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    @one_core()
    def run(self, seconds: float) -> Ending | None:
        """Send for so long, or until nothing may leave any more; return how that ended, None when there is more.

        When it returns, nothing is in flight and everything that came back is recorded.

        Raises:
            LeaseLost: another sender took the campaign over.
        """
        ends_at = clock() + seconds
        while True:
            if self._refusals and not self._flights:
                self._stop.wait(min(0.2 * 2 ** min(self._refusals, 9), _LONGEST_PAUSE_SECONDS))
            ending = self._ending()
            is_last = ending is not None or clock() >= ends_at
            claimed = self._visit(most=0 if is_last else self._free_slices())
            if self._flights:
                self._wait_for_answers(claimed)
            elif is_last:
                self.tally.end_leg()
                return ending
            elif (ending := self._rest(claimed)) is not None:
                return ending

    def _ending(self) -> Ending | None:
        """Tell why nothing more is claimed, whatever there still is to send; what is in flight is waited for."""
        found, error, name = settings(), self._last_error, self._gateway.manifest.gateway
        if self._stop.is_set():
            return Ending("its run was told to end", retry_seconds=0)
        if self._paused_why is not None:
            return Ending(self._paused_why, needs_person=True)
        if isinstance(error, GatewayDenied):
            return Ending(str(error), needs_person=True)
        if len(self._strange) >= found.strange_answers_before_pause:
            why = f"{len(self._strange)} answers in a row nobody can read: {self._strange[-1]}"
            return Ending(why, needs_person=True)
        if self._refusals >= found.refusals_before_parking:
            why = f"gateway {name} could not be reached {self._refusals} times in a row: {error}"
            return Ending(why, is_alarming=True)
        return None

    def _free_slices(self) -> int:
        """Return how many slices may be claimed now: each brings a request at least, and none waits for a thread."""
        under_way = [flight.open_requests for flight in self._flights.values() if flight.open_requests]
        return max(0, min(self._pace.slices - len(under_way), self._pace.requests - sum(under_way)))

    # --- one visit ------------------------------------------------------------------------------------------------

    def _visit(self, most: int) -> Claimed:
        """Record what has arrived, and claim what may leave; then post it."""
        finished = [flight for flight in self._flights.values() if flight.open_requests == 0]
        started = clock()
        with self._round() as now:
            for flight in finished:
                self._record(now, flight)
            asked = self._take_unknown(now, most, started)
            claimed = claim_slices(now, most - len(asked))
            self._paused_why = now.paused_why or self._paused_why
        for flight in finished:
            del self._flights[flight.claim.slice_no]
        for flight in [
            *asked,
            *(Flight(claim, Ask.POST, started + claim.lifetime_seconds) for claim in claimed.claims),
        ]:
            self._send(flight)
        return claimed

    @contextmanager
    def _round(self, *, read_only: bool = False) -> Iterator[Round]:
        with (
            visit_store(read_only=read_only) as visit,
            sending_round(visit, self._lease, claim_rules(self._gateway.manifest)) as now,
        ):
            yield now

    def _record(self, now: Round, flight: Flight) -> None:
        """Write what a slice brought."""
        slice_no, ask_after = flight.claim.slice_no, now.visit.at + timedelta(seconds=now.settle_seconds)
        # Absence counts when it is seen twice: of this slice, was it ever seen before?
        is_first = flight.ask is Ask.LOOK_UP and not now.row_of(slice_no)["absent_count"]
        outcomes = flight.without_absence() if is_first else flight.outcomes
        counts = record(
            now,
            slice_no,
            outcomes,
            ask_after,
            claimed=flight.claim.members if flight.ask is Ask.POST else None,
            was_looked_up=flight.ask is Ask.LOOK_UP,
        )
        if is_first and flight.is_whole:
            note_absence(now, slice_no, now.visit.at + timedelta(seconds=now.settle_seconds))
        self._keep_pace(now, flight)
        self.tally.events.update(counts)
        if flight.ask is not Ask.POST or flight.errors:
            self._log.info("slice %d %s: %s", slice_no, flight.ask.value, counts)

    def _keep_pace(self, now: Round, flight: Flight) -> None:
        """Go slower after a throttled answer, and faster again after a good one."""
        top_rate, bucket = now.rules.segments_per_second, now.bucket
        throttled = [error for error in flight.errors if isinstance(error, GatewayThrottled)]
        if throttled:
            if len(throttled) == len(flight.errors) and not flight.outcomes_of(Outcome.ACCEPTED):
                segments = sum(row["segment_count"] for row in flight.claim.members)
                bucket = replace(bucket, tokens=min(bucket.tokens + segments, top_rate))  # nothing of them was taken
            waits = [error.retry_after for error in throttled if error.retry_after is not None]
            now.put_bucket(slow_down(bucket, top_rate, max(waits, default=None)))
        elif (bucket.rate < top_rate or bucket.strikes) and not flight.errors:
            now.put_bucket(speed_up(bucket, top_rate))

    def _take_unknown(self, now: Round, most: int, started: float) -> list[Flight]:
        """Take the unknown slices that may be asked for now, those first that may be asked first."""
        due = (row for row in self._askable(now) if row["ask_after"] <= now.visit.at)
        return [self._ask_for(now, row, started) for row in islice(due, max(most, 0))]

    def _ask_for(self, now: Round, unknown: Mapping[str, Any], started: float) -> Flight:
        """Ask by the same key while the gateway remembers it and the slice may still be posted; else look it up."""
        manifest, slice_no = self._gateway.manifest, unknown["slice_no"]
        if (now.visit.at - unknown["claimed_at"]).total_seconds() < manifest.key_life_seconds / 2:
            claim = claim_again(now, slice_no)
            if claim is not None:
                return Flight(claim, Ask.POST_AGAIN, started + claim.lifetime_seconds)
        return Flight(posted_claim(now, slice_no), Ask.LOOK_UP, started)

    def _askable(self, now: Round) -> list[dict[str, Any]]:
        """Return the unknown slices that the gateway can still say something of, by when they may be asked for."""
        manifest = self._gateway.manifest
        if manifest.resolution is Resolution.NEITHER:
            return []
        askable = [
            row | {"ask_after": max(row["ask_after"], now.bucket.not_before)}
            for row in now.unknown_slices()
            if row["slice_no"] not in self._flights and now.visit.at - row["claimed_at"] < self._asked_for(row)
        ]
        return sorted(askable, key=lambda row: row["ask_after"])

    def _asked_for(self, unknown: Mapping[str, Any]) -> timedelta:
        """Return for how long after its claim an unknown slice is asked for.

        What a restored store does not know to have been posted is asked for as long as the gateway remembers; not at
        all where it would have to be asked by a request of which nothing is known.
        """
        history = timedelta(days=self._gateway.manifest.history_days)
        if was_posted_here(unknown):
            return min(history, _ASKED_FOR)
        return history if self._gateway.manifest.looks_up_messages else timedelta(0)

    # --- the calls ------------------------------------------------------------------------------------------------

    def _send(self, flight: Flight) -> None:
        still_open = {row["client_ref"] for row in flight.claim.members}
        batches = [
            batch
            for batch in batches_of(flight.claim, self._gateway.manifest)
            if any(message.client_ref in still_open for message in batch.messages)
        ]
        flight.open_requests = len(batches)
        self._flights[flight.claim.slice_no] = flight
        for batch in batches:
            self._pool.submit(self._call, flight, batch)

    def _call(self, flight: Flight, batch: Batch) -> None:
        """Make one request, in a thread of its own; whatever happens, an answer is told.

        An adapter that breaks has perhaps sent its request: nobody knows.
        """
        error: GatewayError | None = None
        outcomes: Sequence[SubmitOutcome] = ()
        try:
            outcomes = check_answer(batch, self._ask(flight, batch))
        except GatewayError as found:
            error = found
        except Exception as bug:  # noqa: BLE001 - it may have come after the request had left
            told = mask_numbers(traceback.format_exc())
            self._log.error("the adapter of %s broke: %s", self._gateway.manifest.gateway, told)
            error = GatewayAmbiguous(f"the adapter broke: {type(bug).__name__}")
        if error is not None:
            outcomes = _without_answer(flight.ask, batch, error)
        self._answers.put((flight.claim.slice_no, outcomes, error))

    def _ask(self, flight: Flight, batch: Batch) -> Sequence[SubmitOutcome]:
        if flight.ask is Ask.LOOK_UP:
            return self._gateway.look_up(batch)
        if clock() >= flight.not_after or has_passed(flight.claim.post_before):
            return _without_answer(flight.ask, batch, GatewayUnreachable("the time to post it had passed"))
        return self._gateway.submit(batch, flight.not_after)

    def _wait_for_answers(self, claimed: Claimed) -> None:
        """Take all answers that are there; wait for one until more may be claimed, or the lease must be extended."""
        timeout: float = settings().lease_seconds / 3
        if claimed.halt is Halt.PACED:
            timeout = min(timeout, claimed.wait_seconds + 0.001)
        if any(flight.open_requests == 0 for flight in self._flights.values()):
            timeout = 0.0
        while True:
            try:
                slice_no, outcomes, error = self._answers.get(timeout > 0, timeout or None)
            except Empty:
                return
            flight = self._flights[slice_no]
            flight.open_requests -= 1
            flight.outcomes.extend(outcomes)
            if error is not None:
                flight.errors.append(error)
                self._log.warning("slice %d: %s", slice_no, error)
            self._count(flight.ask, outcomes, error)
            if flight.open_requests == 0:
                timeout = 0.0

    def _count(self, ask: Ask, outcomes: Sequence[SubmitOutcome], error: GatewayError | None) -> None:
        """Count refusals and strange answers in a row; being throttled counts for nothing, nor what a look-up says.

        A refusal that a person must set right is not forgotten for what comes after it.
        """
        if not isinstance(self._last_error, GatewayDenied):
            self._last_error = error or self._last_error
        if ask is Ask.LOOK_UP:
            return
        strange = strange_reason(outcomes, error)
        self._strange = [] if strange is None else [*self._strange, strange]
        self._refusals = self._refusals + 1 if isinstance(error, GatewayUnreachable) else 0

    # --- nothing in flight ----------------------------------------------------------------------------------------

    def _rest(self, claimed: Claimed) -> Ending | None:
        """Wait for what may be done soon; return how the run ends when there is nothing of the kind."""
        if claimed.claims or claimed.halt is None:
            return None
        if claimed.halt in _FOR_A_PERSON:
            return Ending(claimed.why, needs_person=True, trusts_clock=claimed.halt is not Halt.WOKE_UP)
        if claimed.halt is Halt.CLOCK_BEHIND:
            return Ending(claimed.why, is_alarming=True, trusts_clock=False)
        if claimed.halt is Halt.NOT_SENDING:  # paused here, for what the gateway answered, or by somebody else
            return self._ending() or Ending(claimed.why)
        if claimed.halt is Halt.STALE_STOPS:
            self._hear_stops()
            return None
        with self._round(read_only=True) as now:
            waits, is_asked = self._next_wait(now, claimed)
        if waits is None:
            is_reconciling = claimed.halt is Halt.RECONCILING
            why = claimed.why if is_reconciling else None
            return Ending(why, is_alarming=is_reconciling, asks_person=not is_asked)
        if waits > settings().settle_wait_seconds:
            return Ending(claimed.why or None, retry_seconds=waits)
        self._stop.wait(min(waits + 0.001, settings().lease_seconds / 3))
        return None

    def _next_wait(self, now: Round, claimed: Claimed) -> tuple[float | None, bool]:
        """Return the seconds to the next thing that can be done, and whether the gateway may yet settle an unknown."""
        askable = self._askable(now)
        waits = [max(0.0, (row["ask_after"] - now.visit.at).total_seconds()) for row in askable]
        if claimed.halt is Halt.PACED:
            waits.append(claimed.wait_seconds)
        return min(waits, default=None), bool(askable)

    def _hear_stops(self) -> None:
        """Read the STOPs that came during a long sending; until they are read nothing leaves."""
        try:
            self._read_stops()
        except GatewayError as error:
            self._last_error = error
            self._refusals += 1
            self._log.warning("STOPs cannot be read: %s", error)


def _without_answer(ask: Ask, batch: Batch, error: GatewayError) -> list[SubmitOutcome]:
    """Return what an error means for the messages of a request.

    A first post may have been accepted or not, as the error says. When it is asked again, an error speaks of this
    request only: the first one may have been accepted all the same, so all stays unknown.
    """
    if ask is not Ask.POST:
        return []
    outcome = Outcome.UNKNOWN if isinstance(error, GatewayAmbiguous) else Outcome.NOT_ACCEPTED
    return [SubmitOutcome(message.client_ref, outcome, reason=str(error)) for message in batch.messages]
