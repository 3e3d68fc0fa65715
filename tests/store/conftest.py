"""A store on a real file, a clock that stands where the test puts it, and a desk where a team works without Prefect."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest

from schemas.gateway import DeliveryReport, Outcome, OutgoingMessage, SubmitOutcome
from sms.planning import queue_places
from sms.quiet_hours import key_closing, next_key_opening
from store import campaigns, opt_outs, sending
from store.approving import ApprovalRules, approve
from store.charges import PriceRules
from store.claims import Claim, Claimed, claim_again, claim_slices
from store.clearance import ClaimRules, Halt
from store.contacts import import_contacts
from store.database import Transaction, transaction
from store.imports import ImportSummary, SourceFile, StagedRows
from store.inbound import add_reports, apply_reports, move_cursor
from store.invariants import broken_invariants
from store.lease import Lease
from store.lists import list_id_of
from store.migrate import migrate
from store.operators import add_reading, captured
from store.outcomes import note_absence, record, unknown_slices
from store.pace import PACE, Bucket, read_bucket
from store.preparing import CampaignHead, RecapDetails, Revised, write_prepared
from store.recaps import Recap
from store.rounds import Round, sending_round

HERE = Path(__file__).parent
collect_ignore = ["workers.py"]  # the other processes; they import this file
#: A Tuesday, 10:00 in Paris, 13:00 in La Réunion, 05:00 in Guadeloupe.
MORNING = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
PRICES = PriceRules("EUR", Decimal("0.01"), Decimal("0.2"))
RULES = ClaimRules(
    claim_seconds=30,
    deadline_seconds=20,
    margin_seconds=120,
    lease_seconds=90,
    settle_seconds=5,
    replies_max_age_seconds=600,
    wake_up_seconds=400 * 86400,
    segments_per_second=100_000,
    prices=PRICES,
)
#: A team that lets anybody approve, and whose recaps hold for ten days.
APPROVAL_RULES = ApprovalRules(approvers=(), four_eyes=False, max_age=timedelta(days=10))


#: A row of a file: a person and their fields, or the reason why it is rejected.
Cell = tuple[int, Mapping[str, str]] | str


class Clock:
    """The wall clock, moved by hand."""

    def __init__(self, at: datetime = MORNING) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **time: float) -> None:
        self.at += timedelta(**time)


def number_of(person: int) -> int:
    """Return a number that is kept for examples and films, as its digits."""
    return 33_639_980_000 + person


def as_json(fields: Mapping[str, str]) -> str:
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def staged_rows(*cells: Cell) -> StagedRows:
    """Return a file's rows, numbered from 1."""
    numbered = list(enumerate(cells, start=1))
    valid = [
        (row_number, number_of(cell[0]), "FR", as_json(cell[1]))
        for row_number, cell in numbered
        if not isinstance(cell, str)
    ]
    rejected = [(row_number, cell, f"raw {row_number}") for row_number, cell in numbered if isinstance(cell, str)]
    return StagedRows(
        pd.DataFrame(valid, columns=["row_number", "number_id", "territory", "fields"]),
        pd.DataFrame(rejected, columns=["row_number", "reason", "raw_line"]),
        len(cells),
    )


def message_rows(
    people: Sequence[int], text: str, price: str = "0.05", place: str = "FR", sender_id: str = "CAMPANILE"
) -> pd.DataFrame:
    """Return one message a person, not queued yet."""
    numbers = [number_of(person) for person in people]
    return pd.DataFrame(
        {
            "recipient_id": numbers,
            "number_id": numbers,
            "msisdn": [f"+{number}" for number in numbers],
            "text": text,
            "encoding": "GSM-7",
            "sender_id": sender_id,
            "segment_count": 1,
            "price": price,
            "territory": place[:2],
            "window_key": place,
            "origin": "typed",
            "import_id": None,
            "row_number": list(people),
        }
    )


def campaign_head(name: str, **changes: Any) -> CampaignHead:
    head = CampaignHead(
        name, "marketing", "sandbox", "fr-strict", "CAMPANILE", False, False, "{}", due_at=None, author="camille"
    )
    return replace(head, **changes)


def opt_out_rows(people: Sequence[int]) -> pd.DataFrame:
    numbers = [number_of(person) for person in people]
    return pd.DataFrame({"number_id": numbers, "msisdn": [f"+{number}" for number in numbers]})


class Desk:
    """What a team does with a store, one visit each: every method is one transaction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.rules = RULES
        self._count = 0

    def visit(self, **options: Any) -> AbstractContextManager[Transaction]:
        return transaction(self.path, self.clock, **options)

    def next_number(self) -> int:
        """Return a number not given before."""
        self._count += 1
        return self._count

    # --- before ---------------------------------------------------------------------------------------------

    def read_stops(self, gateway: str = "sandbox") -> None:
        """Say that replies and the provider's opt-outs were read just now."""
        with self.visit() as visit:
            for name in ("replies", "opt_outs"):
                move_cursor(visit, gateway, name, "1")

    def put_balance(self, amount: str, gateway: str = "sandbox") -> None:
        with self.visit() as visit:
            add_reading(visit, gateway, Decimal(amount), "EUR", captured(visit, gateway))

    def take_in(self, list_name: str, *cells: Cell, replaces: int | None = None, **source: Any) -> ImportSummary:
        """Import a file into a list."""
        file = self.file(list_name, **source)
        with self.visit() as visit:
            staged = staged_rows(*cells)
            return import_contacts(visit, list_name, file, staged, replaces=replaces, actor="camille")

    def take_in_stops(self, *cells: Cell, **how: Any) -> ImportSummary:
        """Import a file of opt-outs."""
        with self.visit() as visit:
            return opt_outs.import_opt_outs(visit, self.file("stops"), staged_rows(*cells), **how)

    def fill_list(self, list_name: str, fields_of: Mapping[int, Mapping[str, str]]) -> None:
        """Import people into a list, each with merge fields."""
        self.take_in(list_name, *fields_of.items())

    def people(self, list_name: str) -> dict[int, dict[str, str]]:
        """Return who stands in a list, with their fields."""
        with self.visit(read_only=True) as visit:
            sql = "SELECT number_id % 10000, fields FROM contact WHERE list_id = $list_id ORDER BY 1"
            found = visit.execute(sql, {"list_id": list_id_of(visit, list_name)}).fetchall()
        return {person: json.loads(fields) for person, fields in found}

    def file(self, stem: str, **changes: Any) -> SourceFile:
        """Return a file of its own bytes."""
        file = SourceFile(f"{stem}.csv", f"digest {self.next_number()}", 1, "utf-8", ";", None, {}, "FR", False)
        return replace(file, **changes)

    def opt_out(self, *people: int) -> int:
        with self.visit() as visit:
            return opt_outs.add_opt_outs(visit, opt_out_rows(people), "reply", None)

    def prepare(
        self,
        name: str,
        people: Sequence[int] | Mapping[str, Sequence[int]],
        *,
        per_slice: int = 2,
        text: str = "Soldes demain STOP 36111",
        price: str = "0.05",
        header: Mapping[str, Any] | None = None,
        origin: str = "typed",
        left_out: pd.DataFrame | None = None,
        lists: Sequence[str] = (),
        revises: bool = False,
        **head: Any,
    ) -> Recap:
        """Prepare a campaign to people, or to people by place; ``lists`` are those it says it was made from."""
        by_place = people if isinstance(people, Mapping) else {"FR": people}
        policy = head.get("policy", "fr-strict")
        rows = pd.concat([message_rows(found, text, price, place) for place, found in by_place.items()])
        start = head.get("due_at") or self.clock.at
        closes_at = {key: key_closing(next_key_opening(start, key, policy), key, policy) or start for key in by_place}
        rows["origin"] = origin
        messages = queued(rows, closes_at, per_slice)
        covered = {"name": name, "policy": policy, "due_at": _instant(head.get("due_at"))} | dict(header or {})
        with self.visit() as visit, prepared_rows(visit, messages, left_out):
            found = campaigns.find_campaign(visit, name) if revises else None
            read = Revised(found["campaign_id"], found["version"]) if found else None
            return write_prepared(visit, campaign_head(name, **head), covered, RecapDetails("EUR", lists), revises=read)

    @staticmethod
    def stage(visit: Transaction, *rows: pd.DataFrame | None) -> AbstractContextManager[None]:
        """Stage messages, and exclusions, as a preparation does."""
        return prepared_rows(visit, *rows)

    def approve(
        self, name: str, recap_hash: str | None = None, approver: str = "dominique", **rules: Any
    ) -> dict[str, Any]:
        """Approve a campaign, by the latest recap if no hash is given; ``rules`` are a team's own beside ours."""
        with self.visit() as visit:
            shown = str(campaigns.find_campaign(visit, name)["recap_hash"])[:8] if recap_hash is None else recap_hash
            return approve(visit, name, shown, approver, replace(APPROVAL_RULES, **rules))

    def cancel(self, name: str) -> dict[str, Any]:
        with self.visit() as visit:
            return campaigns.cancel(visit, name, "wrong price", "dominique")

    # --- sending --------------------------------------------------------------------------------------------

    def open(self, name: str, owner: str = "first sender") -> Lease | None:
        with self.visit() as visit:
            return sending.open_sending(visit, name, sending.Owner(owner), self.rules).lease

    def start(self, name: str, people: Sequence[int] | Mapping[str, Sequence[int]] = range(4), **how: Any) -> Lease:
        """Prepare, approve and open a campaign, with credit and with STOPs just read."""
        recap = self.prepare(name, people, **how)
        with self.visit() as visit:
            add_reading(visit, "sandbox", Decimal(100), "EUR", captured(visit, "sandbox"))
            for cursor in ("replies", "opt_outs"):
                move_cursor(visit, "sandbox", cursor, "1")
            approve(visit, name, recap.recap_hash, "dominique", APPROVAL_RULES)
            lease = sending.open_sending(visit, name, sending.Owner("first sender"), self.rules).lease
        assert lease is not None
        return lease

    @contextmanager
    def round(self, lease: Lease) -> Iterator[Round]:
        """Visit as a sender does."""
        with self.visit() as visit, sending_round(visit, lease, self.rules) as now:
            yield now

    def claimed(self, lease: Lease, most: int = 1) -> Claimed:
        """Claim, and tell why not more."""
        with self.round(lease) as now:
            return claim_slices(now, most)

    def claim(self, lease: Lease) -> Claim | None:
        return next(iter(self.claimed(lease).claims), None)

    def refuse(self, lease: Lease, halt: Halt, line: str = "") -> None:
        """See that a claim is refused for this reason, in this line."""
        found = self.claimed(lease)
        assert (list(found.claims), found.halt) == ([], halt)
        assert re.search(line, found.why), found.why

    def must_claim(self, lease: Lease) -> Claim:
        claim = self.claim(lease)
        assert claim is not None
        return claim

    def claim_again(self, lease: Lease, slice_no: int) -> Claim | None:
        with self.round(lease) as now:
            return claim_again(now, slice_no)

    def record(self, lease: Lease, slice_no: int, outcomes: Sequence[SubmitOutcome]) -> dict[str, int]:
        with self.round(lease) as now:
            return record(now, slice_no, outcomes, now.visit.at + timedelta(seconds=5))

    def answer(self, lease: Lease, claim: Claim, *outcomes: Outcome | str) -> dict[str, int]:
        """Record an answer: one outcome for all, or one a message (the rest gets none)."""
        return self.record(lease, claim.slice_no, answers(claim.messages, *outcomes))

    def note_absence(self, lease: Lease, slice_no: int) -> None:
        with self.round(lease) as now:
            note_absence(now, slice_no, now.visit.at)

    def report(self, claim_message: OutgoingMessage, status: str = "delivered", **changes: Any) -> dict[str, int]:
        """Take in a delivery report and apply what waits."""
        report = DeliveryReport(
            report_id=f"report-{self.next_number()}",
            gateway_message_id=f"gw-{claim_message.client_ref}",
            client_ref=claim_message.client_ref,
            status=status,
            reason=None,
            is_permanent=False,
            reported_at=self.clock.at,
        )
        return self.report_all([replace(report, **changes)])

    def report_all(self, reports: Sequence[DeliveryReport], gateway: str = "sandbox") -> dict[str, int]:
        with self.visit() as visit:
            add_reports(visit, gateway, reports)
            return apply_reports(visit, gateway, PRICES)

    def close(self, lease: Lease, why: str | None = None, retry_seconds: float = 60, **how: bool) -> dict[str, Any]:
        with self.visit() as visit:
            return sending.close_sending(
                visit, lease, self.rules, sending.Ending(why, retry_seconds=retry_seconds, **how)
            )

    # --- what is seen ---------------------------------------------------------------------------------------

    def rows(self, name: str, /, **parameters: Any) -> list[dict[str, Any]]:
        with self.visit(read_only=True) as visit:
            return visit.rows(name, **parameters)

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with self.visit() as visit:
            return visit.execute(text).fetchall()

    def find(self, name: str) -> dict[str, Any]:
        with self.visit(read_only=True) as visit:
            return campaigns.find_campaign(visit, name)

    def states(self, name: str) -> dict[str, int]:
        """Return how many messages of a campaign are in each state."""
        with self.visit(read_only=True) as visit:
            campaign_id = campaigns.find_campaign(visit, name)["campaign_id"]
            return {row["state"]: row["message_count"] for row in sending.count_messages(visit, campaign_id)}

    def slices(self, name: str) -> dict[int, str]:
        found = self.sql(f"SELECT slice_no, state FROM slice WHERE campaign_id = {self.find(name)['campaign_id']}")
        return dict(sorted(found))

    def credit(self) -> dict[str, Decimal]:
        """Return the credit entries, summed by kind."""
        total: Counter[str] = Counter()
        for kind, amount in self.sql("SELECT kind, amount FROM credit_entry"):
            total[kind] += amount
        return dict(total)

    def unknown(self, name: str) -> list[dict[str, Any]]:
        with self.visit(read_only=True) as visit:
            return unknown_slices(visit, campaigns.find_campaign(visit, name)["campaign_id"])

    def broken(self) -> dict[str, int]:
        with self.visit(read_only=True) as visit:
            return broken_invariants(visit)


_MESSAGES = {
    "recipient_id": "BIGINT", "number_id": "BIGINT", "msisdn": "VARCHAR", "text": "VARCHAR", "encoding": "VARCHAR",
    "sender_id": "VARCHAR", "segment_count": "BIGINT", "price": "VARCHAR", "territory": "VARCHAR",
    "window_key": "VARCHAR", "slice_no": "BIGINT", "origin": "VARCHAR", "import_id": "BIGINT", "row_number": "BIGINT",
}  # fmt: skip
_EXCLUSIONS = {
    "number_id": "BIGINT", "msisdn": "VARCHAR", "reason": "VARCHAR", "origin": "VARCHAR", "import_id": "BIGINT",
    "row_number": "BIGINT",
}  # fmt: skip


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def queued(rows: pd.DataFrame, closes_at: Mapping[str, datetime], per_slice: int) -> pd.DataFrame:
    """Cut messages into slices, the places in the order of the queue."""
    loads = {str(key): count for key, count in rows["window_key"].value_counts().items()}
    first = {place.window_key: place.first_slice_no for place in queue_places(loads, closes_at, per_slice)}
    ordered = rows.sort_values(["window_key", "number_id"])
    slice_no = ordered["window_key"].map(first) + ordered.groupby("window_key").cumcount() // per_slice
    return ordered.assign(slice_no=slice_no).sort_values("slice_no").reset_index(drop=True)


def prepared_rows(
    visit: Transaction, messages: pd.DataFrame, left_out: pd.DataFrame | None = None
) -> AbstractContextManager[None]:
    """Stage messages and exclusions as a preparation does."""
    nobody = pd.DataFrame(columns=list(_EXCLUSIONS))
    types = {"staged_messages": _MESSAGES, "staged_exclusions": _EXCLUSIONS}
    exclusions = nobody if left_out is None else left_out
    return visit.staged(types=types, staged_messages=messages, staged_exclusions=exclusions)


def bucket_of(visit: Transaction, gateway: str, top_rate: float) -> Bucket:
    """Return a gateway's bucket as it stands in the store."""
    return read_bucket(visit.row("state.get", gateway=gateway, name=PACE), top_rate, visit.at)


def answers(messages: Sequence[OutgoingMessage], *outcomes: Outcome | str) -> list[SubmitOutcome]:
    """Return a gateway's answer: the one outcome for all messages, or an outcome each, in order."""
    given = [Outcome(outcome) for outcome in outcomes]
    if len(given) == 1:
        given *= len(messages)
    return [
        SubmitOutcome(message.client_ref, outcome, f"gw-{message.client_ref}" if outcome == "accepted" else None)
        for message, outcome in zip(messages, given, strict=False)
    ]


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "sms.duckdb"
    migrate(path, Clock())
    return path


@pytest.fixture(scope="session")
def make_desk() -> type[Desk]:
    return Desk


@pytest.fixture(scope="session")
def rows_for() -> Callable[..., pd.DataFrame]:
    return message_rows


@pytest.fixture(scope="session")
def staged_for() -> Callable[..., StagedRows]:
    return staged_rows


@pytest.fixture(scope="session")
def head_of() -> Callable[..., CampaignHead]:
    return campaign_head


@pytest.fixture
def store_path(empty_store: Path, tmp_path: Path) -> Path:
    """Return a migrated store of the test's own."""
    path = tmp_path / "sms.duckdb"
    path.write_bytes(empty_store.read_bytes())
    return path


@pytest.fixture
def desk(store_path: Path) -> Iterator[Desk]:
    """Return a desk; whatever the test did there, the invariants hold at its end."""
    desk = Desk(store_path)
    yield desk
    assert desk.broken() == {}


@pytest.fixture(scope="session")
def nursery() -> Iterator[Path]:
    """Return the socket where processes are to be had."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "socket"
        command = [sys.executable, str(HERE / "workers.py"), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield path
            process.kill()


@pytest.fixture
def hire(nursery: Path) -> Iterator[Callable[..., "Worker"]]:
    """Return a function that gives a job of ``workers.py`` to a process of its own."""
    hired: list[Worker] = []

    def start(*job: object) -> Worker:
        hired.append(Worker(nursery, job))
        return hired[-1]

    yield start
    for worker in hired:
        worker.kill()


class Worker:
    """Another process, talked to by lines of JSON."""

    def __init__(self, nursery: Path, job: Sequence[object]) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(nursery))
            self._stream = connection.makefile("rw")
        self.pid: int = self.hear()
        self.say(job)

    def say(self, what: object) -> None:
        self._stream.write(json.dumps(what, default=str) + "\n")
        self._stream.flush()

    def hear(self) -> Any:
        """Return the next thing it tells; it must live."""
        line = self._stream.readline()
        assert line, "the other process died"
        return json.loads(line)

    def hear_out(self) -> list[Any]:
        """Return all that it tells until it is dead and buried."""
        told = []
        with suppress(ConnectionResetError):  # it died before it had read its job
            told += (json.loads(line) for line in self._stream)
        with suppress(ProcessLookupError):
            while True:
                os.kill(self.pid, 0)
                time.sleep(0.001)
        return told

    def kill(self) -> list[Any]:
        """Kill it, wait until it is dead, and return what it told before."""
        if self._stream.closed:
            return []
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        told = self.hear_out()
        self._stream.close()
        return told
