"""A store on a real file, a clock that stands where the test puts it, and a desk where a team works without Prefect."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pandas as pd
import pytest

from campanile.services.inbound.history_rows import report_rows
from campanile.sms.rules.exclusions import queue_windows
from campanile.sms.schedule.quiet_hours import key_closing, next_key_opening
from campanile.store.billing.balance import add_reading, captured, credit_left
from campanile.store.campaigns import campaigns
from campanile.store.campaigns.approval import ApprovalRules, approve
from campanile.store.campaigns.writer import CampaignRow, RecapDetails, Revised, write_prepared
from campanile.store.contacts import opt_outs
from campanile.store.contacts.import_log import ImportSummary, SourceFile, StagedRows
from campanile.store.contacts.lists import list_id_of
from campanile.store.contacts.merge import import_contacts
from campanile.store.db.database import Transaction, transaction
from campanile.store.inbound.histories import move_cursor
from campanile.store.inbound.reports import ReportRules, take_reports
from campanile.store.ledger import run_lifecycle as sending
from campanile.store.ledger.charges import PriceRules
from campanile.store.ledger.claim_checks import ClaimRules, StopReason
from campanile.store.ledger.claims import Claim, Claimed, claim_again, claim_slices
from campanile.store.ledger.lease import Lease
from campanile.store.ledger.outcomes import note_absence, record, unknown_slices
from campanile.store.ledger.rate_limit import PACE, Bucket, read_bucket
from campanile.store.ledger.sender_session import SenderSession, sender_session
from schemas.billing_rows import Credit
from schemas.campaign_rows import Campaign, Staying
from schemas.draft import CampaignDraft
from schemas.frame_checks import duckdb_types
from schemas.gateway import DeliveryReport, Outcome, OutgoingMessage, SubmitOutcome
from schemas.inbound_rows import GatewayState
from schemas.ledger_rows import CampaignEvent, DueCampaign, Slice
from schemas.recap_rows import Recap
from tests.fork_server import ForkedProcess, opened_fork_server
from tests.stores import OPT_OUT_KEY, broken_invariants_at_once, copy_store, forget_copy

Row = TypeVar("Row")
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


#: What ``Desk.start`` left, by its arguments: the store, and the lease of its sender.
_STARTED: dict[str, tuple[Path, Lease]] = {}
_FOLDER = TemporaryDirectory(prefix="started-")


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
    people: Sequence[int], text: str, price: str = "0.05", window_key: str = "FR", sender_id: str = "CAMPANILE"
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
            "territory": window_key[:2],
            "window_key": window_key,
            "origin": "typed",
            "import_id": None,
            "row_number": list(people),
        }
    )


def campaign_head(name: str, draft: Mapping[str, Any] | None = None, **changes: Any) -> CampaignRow:
    """Return a campaign's row; ``draft`` has the fields of its draft that a test is about."""
    fields = {"name": name, "text": f"Bonjour de {name}", "sender_id": "CAMPANILE", "actor": "camille"} | dict(
        draft or {}
    )
    head = CampaignRow(
        name,
        "marketing",
        "sandbox",
        "fr-strict",
        "CAMPANILE",
        False,
        False,
        None if draft is None else CampaignDraft(**fields),
        due_at=None,
        actor="camille",
    )
    return replace(head, **changes)


def opt_out_rows(people: Sequence[int]) -> pd.DataFrame:
    return pd.DataFrame({"number_id": [number_of(person) for person in people]})


class Desk:
    """What a team does with a store, one transaction each: every method is one transaction."""

    def __init__(self, path: Path, *, is_untouched: bool = False, opt_out_key: bytes | None = None) -> None:
        self.path, self.opt_out_key = path, opt_out_key
        self.clock = Clock()
        self.rules = RULES
        self._count = 0
        self._is_untouched = is_untouched

    def tx(self, **options: Any) -> AbstractContextManager[Transaction]:
        self._is_untouched = False
        return transaction(self.path, self.clock, **{"opt_out_key": self.opt_out_key} | options)

    def next_number(self) -> int:
        """Return a number not given before."""
        self._count += 1
        return self._count

    # --- before ---------------------------------------------------------------------------------------------

    def read_stops(self, gateway: str = "sandbox") -> None:
        """Say that replies and the provider's opt-outs were read just now."""
        with self.tx() as tx:
            for name in ("replies", "opt_outs"):
                move_cursor(tx, gateway, name, "1")

    def put_balance(self, amount: str, gateway: str = "sandbox") -> None:
        with self.tx() as tx:
            add_reading(tx, gateway, Decimal(amount), "EUR", captured(tx, gateway))

    def take_in(self, list_name: str, *cells: Cell, replaces: int | None = None, **source: Any) -> ImportSummary:
        """Import a file into a list."""
        file = self.file(list_name, **source)
        with self.tx() as tx:
            staged = staged_rows(*cells)
            return import_contacts(tx, list_name, file, staged, replaces=replaces, actor="camille")

    def take_in_stops(self, *cells: Cell, **how: Any) -> ImportSummary:
        """Import a file of opt-outs."""
        with self.tx() as tx:
            return opt_outs.import_opt_outs(tx, self.file("stops"), staged_rows(*cells), **how)

    def fill_list(self, list_name: str, fields_of: Mapping[int, Mapping[str, str]]) -> None:
        """Import people into a list, each with merge fields."""
        self.take_in(list_name, *fields_of.items())

    def people(self, list_name: str) -> dict[int, dict[str, str]]:
        """Return who stands in a list, with their fields."""
        with self.tx(read_only=True) as tx:
            sql = "SELECT number_id % 10000, fields FROM contact WHERE list_id = $list_id ORDER BY 1"
            found = tx.execute(sql, {"list_id": list_id_of(tx, list_name)}).fetchall()
        return {person: json.loads(fields) for person, fields in found}

    def file(self, stem: str, **changes: Any) -> SourceFile:
        """Return a file of its own bytes."""
        file = SourceFile(f"{stem}.csv", f"digest {self.next_number()}", 1, "utf-8", ";", None, {}, "FR", False)
        return replace(file, **changes)

    def opt_out(self, *people: int) -> int:
        with self.tx() as tx:
            return opt_outs.add_opt_outs(tx, opt_out_rows(people), "reply", None)

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
        """Prepare a campaign to people, or to people by window key; ``lists`` are those it says it was made from."""
        by_window = people if isinstance(people, Mapping) else {"FR": people}
        policy = head.get("policy", "fr-strict")
        rows = pd.concat([message_rows(found, text, price, key) for key, found in by_window.items()])
        start = head.get("due_at") or self.clock.at
        closes_at = {key: key_closing(next_key_opening(start, key, policy), key, policy) or start for key in by_window}
        rows["origin"] = origin
        messages = queued(rows, closes_at, per_slice)
        covered = {"name": name, "policy": policy, "due_at": _instant(head.get("due_at"))} | dict(header or {})
        with self.tx() as tx, prepared_rows(tx, messages, left_out):
            found = campaigns.find_campaign(tx, name) if revises else None
            read = Revised(found.campaign_id, found.version) if found else None
            return write_prepared(tx, campaign_head(name, **head), covered, RecapDetails("EUR", lists), revises=read)

    @staticmethod
    def stage(tx: Transaction, *rows: pd.DataFrame | None) -> AbstractContextManager[None]:
        """Stage messages, and exclusions, as a preparation does."""
        return prepared_rows(tx, *rows)

    def approve(self, name: str, recap_hash: str | None = None, actor: str = "dominique", **rules: Any) -> Campaign:
        """Approve a campaign, by the latest recap if no hash is given; ``rules`` are a team's own beside ours."""
        return self.approve_counted(name, recap_hash, actor, **rules)[0]

    def approve_counted(
        self, name: str, recap_hash: str | None = None, actor: str = "dominique", **rules: Any
    ) -> tuple[Campaign, Staying]:
        """Approve a campaign as ``approve`` does; return it with the count of the messages that are not sent."""
        with self.tx() as tx:
            shown = str(campaigns.find_campaign(tx, name).recap_hash)[:8] if recap_hash is None else recap_hash
            return approve(tx, name, shown, actor, replace(APPROVAL_RULES, **rules))

    def cancel(self, name: str) -> Campaign:
        with self.tx() as tx:
            return campaigns.cancel(tx, name, "wrong price", "dominique")

    # --- sending --------------------------------------------------------------------------------------------

    def open(self, name: str, owner: str = "first sender") -> Lease | None:
        with self.tx() as tx:
            return sending.open_sending(tx, name, sending.Owner(owner), self.rules).lease

    def start(self, name: str, people: Sequence[int] | Mapping[str, Sequence[int]] = range(4), **how: Any) -> Lease:
        """Prepare, approve and open a campaign, with credit and with STOPs just read.

        The desk of the fixture, as long as it did nothing, gets a copy of a store where that was done before.
        """
        if self._is_untouched and self.clock.at == MORNING and self.rules is RULES:
            key = repr((name, people, sorted(how.items()), self.opt_out_key))
            if key not in _STARTED:
                lease = self._start(name, people, how)
                _STARTED[key] = (copy_store(self.path, Path(_FOLDER.name) / str(len(_STARTED)) / "sms.duckdb"), lease)
                return lease
            store, lease = _STARTED[key]
            copy_store(store, self.path)
            self._is_untouched = False
            return lease
        return self._start(name, people, how)

    def _start(self, name: str, people: Sequence[int] | Mapping[str, Sequence[int]], how: Mapping[str, Any]) -> Lease:
        recap = self.prepare(name, people, **how)
        with self.tx() as tx:
            add_reading(tx, "sandbox", Decimal(100), "EUR", captured(tx, "sandbox"))
            for cursor in ("replies", "opt_outs"):
                move_cursor(tx, "sandbox", cursor, "1")
            approve(tx, name, recap.recap_hash, "dominique", APPROVAL_RULES)
            lease = sending.open_sending(tx, name, sending.Owner("first sender"), self.rules).lease
        assert lease is not None
        return lease

    @contextmanager
    def session(self, lease: Lease) -> Iterator[SenderSession]:
        """Transaction as a sender does."""
        with self.tx() as tx, sender_session(tx, lease, self.rules) as session:
            yield session

    def claimed(self, lease: Lease, most: int = 1) -> Claimed:
        """Claim, and tell why not more."""
        with self.session(lease) as session:
            return claim_slices(session, most)

    def claim(self, lease: Lease) -> Claim | None:
        return next(iter(self.claimed(lease).claims), None)

    def refuse(self, lease: Lease, stop_reason: StopReason, line: str = "") -> None:
        """See that a claim is refused for this reason, in this line."""
        found = self.claimed(lease)
        assert (list(found.claims), found.stop_reason) == ([], stop_reason)
        assert re.search(line, found.why), found.why

    def must_claim(self, lease: Lease) -> Claim:
        claim = self.claim(lease)
        assert claim is not None
        return claim

    def claim_again(self, lease: Lease, slice_no: int) -> Claim | None:
        with self.session(lease) as session:
            return claim_again(session, slice_no)

    def record(self, lease: Lease, slice_no: int, outcomes: Sequence[SubmitOutcome]) -> dict[str, int]:
        with self.session(lease) as session:
            return record(session, slice_no, outcomes, session.tx.at + timedelta(seconds=5))

    def answer(self, lease: Lease, claim: Claim, *outcomes: Outcome | str) -> dict[str, int]:
        """Record an answer: one outcome for all, or one a message (the rest gets none)."""
        return self.record(lease, claim.slice_no, answers(claim.messages, *outcomes))

    def note_absence(self, lease: Lease, slice_no: int) -> None:
        with self.session(lease) as session:
            note_absence(session, slice_no, session.tx.at)

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
        with self.tx() as tx:
            return dict(take_reports(tx, gateway, report_rows(reports), ReportRules(PRICES)).moved)

    def close(self, lease: Lease, why: str | None = None, retry_seconds: float = 60, **how: bool) -> Campaign:
        with self.tx() as tx:
            return sending.close_sending(
                tx, lease, self.rules, sending.RunOutcome(why, retry_seconds=retry_seconds, **how)
            )

    # --- what is seen ---------------------------------------------------------------------------------------

    def select(self, kind: type[Row], name: str, /, **parameters: Any) -> list[Row]:
        """Return the rows of a named query."""
        with self.tx(read_only=True) as tx:
            return tx.select(kind, name, **parameters)

    def value(self, name: str, /, **parameters: Any) -> Any:
        """Return the one value of a named query."""
        with self.tx(read_only=True) as tx:
            return tx.value(name, **parameters)

    def events(self, name: str) -> list[CampaignEvent]:
        """Return the events of a campaign."""
        return self.select(CampaignEvent, "campaign.events", campaign_id=self.find(name).campaign_id)

    def due(self) -> list[DueCampaign]:
        """Return the campaigns that must be sent now."""
        with self.tx(read_only=True) as tx:
            return sending.due_campaigns(tx)

    def export(self, name: str) -> pd.DataFrame:
        """Return the messages of a campaign as the export shows them."""
        with self.tx(read_only=True) as tx:
            return tx.frame("result.everyone", campaign_id=campaigns.find_campaign(tx, name).campaign_id)

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with self.tx() as tx:
            return tx.execute(text).fetchall()

    def find(self, name: str) -> Campaign:
        with self.tx(read_only=True) as tx:
            return campaigns.find_campaign(tx, name)

    def states(self, name: str) -> dict[str, int]:
        """Return how many messages of a campaign are in each state."""
        with self.tx(read_only=True) as tx:
            campaign_id = campaigns.find_campaign(tx, name).campaign_id
            return {row.state: row.message_count for row in sending.count_messages(tx, campaign_id)}

    def slices(self, name: str) -> dict[int, str]:
        found = self.sql(f"SELECT slice_no, state FROM slice WHERE campaign_id = {self.find(name).campaign_id}")
        return dict(sorted(found))

    def credit(self) -> dict[str, Decimal]:
        """Return the credit entries, summed by kind."""
        total: Counter[str] = Counter()
        for kind, amount in self.sql("SELECT kind, amount FROM credit_entry"):
            total[kind] += amount
        return dict(total)

    def credit_left(self, **how: Any) -> Credit:
        """Return the credit of the sandbox; its balance was read."""
        with self.tx(read_only=True) as tx:
            found = credit_left(tx, "sandbox", **how)
        assert found is not None
        return found

    def unknown(self, name: str) -> list[Slice]:
        with self.tx(read_only=True) as tx:
            return unknown_slices(tx, campaigns.find_campaign(tx, name).campaign_id)

    def broken(self) -> dict[str, int]:
        with self.tx(read_only=True) as tx:
            return broken_invariants_at_once(tx)


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def queued(rows: pd.DataFrame, closes_at: Mapping[str, datetime], per_slice: int) -> pd.DataFrame:
    """Cut messages into slices, the window keys in the order of the queue."""
    loads = {str(key): count for key, count in rows["window_key"].value_counts().items()}
    first = {window.window_key: window.first_slice_no for window in queue_windows(loads, closes_at, per_slice)}
    ordered = rows.sort_values(["window_key", "number_id"])
    slice_no = ordered["window_key"].map(first) + ordered.groupby("window_key").cumcount() // per_slice
    return ordered.assign(slice_no=slice_no).sort_values("slice_no").reset_index(drop=True)


@contextmanager
def prepared_rows(tx: Transaction, messages: pd.DataFrame, left_out: pd.DataFrame | None = None) -> Iterator[None]:
    """Stage messages and exclusions as a preparation does."""
    no_exclusions = pd.DataFrame(columns=list(duckdb_types("Exclusions")))
    exclusions = no_exclusions if left_out is None else left_out
    with tx.staged("message.add", staged_messages=messages), tx.staged("exclusion.add", staged_exclusions=exclusions):
        yield


def bucket_of(tx: Transaction, gateway: str, top_rate: float) -> Bucket:
    """Return a gateway's bucket as it stands in the store."""
    return read_bucket(tx.find(GatewayState, "state.get", gateway=gateway, name=PACE), top_rate, tx.at)


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
def make_desk() -> type[Desk]:
    return Desk


@pytest.fixture(scope="session")
def rows_for() -> Callable[..., pd.DataFrame]:
    return message_rows


@pytest.fixture(scope="session")
def staged_for() -> Callable[..., StagedRows]:
    return staged_rows


@pytest.fixture(scope="session")
def head_of() -> Callable[..., CampaignRow]:
    return campaign_head


@pytest.fixture
def store_path(empty_store: Path, empty_hashed_store: Path, tmp_path: Path, suppression: str) -> Path:
    """Return a migrated store of the test's own."""
    return copy_store(empty_store if suppression == "plain" else empty_hashed_store, tmp_path / "sms.duckdb")


@pytest.fixture
def desk(store_path: Path, suppression: str) -> Iterator[Desk]:
    """Return a desk; whatever the test did there, the invariants hold at its end."""
    desk = Desk(store_path, is_untouched=True, opt_out_key=None if suppression == "plain" else OPT_OUT_KEY)
    yield desk
    assert desk.broken() == {}
    forget_copy(desk.path)


@pytest.fixture(scope="session")
def fork_server() -> Iterator[Path]:
    """Return the socket of the server that forks processes."""
    with opened_fork_server("tests.store.workers") as path:
        yield path


@pytest.fixture
def start_worker(fork_server: Path) -> Iterator[Callable[..., ForkedProcess]]:
    """Return a function that gives a job of ``workers.py`` to a process of its own."""
    started: list[ForkedProcess] = []

    def start(*job: object) -> ForkedProcess:
        started.append(ForkedProcess(fork_server, job))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()
