"""What a poll of delivery reports reads does not grow with the campaigns that were sent before; counted, not timed."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest

from campanile.store.db import checkpoint
from campanile.store.db.database import one_core
from campanile.store.db.queries import STATEMENTS
from campanile.store.db.statement_runner import StatementRunner
from schemas.gateway import DeliveryReport
from tests.store.conftest import Desk
from tests.stores import copy_store, forget_copy

#: The rows of a group, of which DuckDB reads all or none; the least that it allows, so that few rows are enough.
GROUP = 2_048
#: What DuckDB may read in advance. Nineteen campaigns more have 95 groups more.
FEW = 4 * GROUP
HISTORY = ("message", "message_event", "delivery_report")
PAST = (
    """
    INSERT INTO campaign BY NAME SELECT
        $past AS campaign_id, 'past ' || $past AS name, 'marketing' AS kind, 'finished' AS state, 1 AS version,
        'sandbox' AS gateway, 'fr-strict' AS policy, 'CAMPANILE' AS sender_id, false AS requested_service,
        false AS is_sample, '{}' AS draft, false AS is_stopped, $at - INTERVAL 1 YEAR AS created_at,
        $at - INTERVAL 1 YEAR AS updated_at
    """,
    """
    INSERT INTO message BY NAME SELECT
        $past AS campaign_id, n AS recipient_id, n AS number_id, '+' || n AS msisdn, 'Soldes' AS text,
        'GSM-7' AS encoding, 'CAMPANILE' AS sender_id, 1 AS segment_count, 0.05 AS price, 'FR' AS territory,
        'FR' AS window_key, sha256($past || ':' || n) AS client_ref, 1 AS slice_no, 'typed' AS origin
    FROM range(33600000000, 33600000000 + $group) AS numbers (n)
    """,
    """
    INSERT INTO message_event BY NAME SELECT
        ($past * 3 + step) * $group + n - 33600000000 AS event_id, $past AS campaign_id, n AS recipient_id, event,
        1 AS slice_no, 1 AS fence, 'gw-' || sha256($past || ':' || n) AS gateway_message_id, $at AS recorded_at
    FROM range(33600000000, 33600000000 + $group) AS numbers (n),
        (VALUES (1, 'claimed'), (2, 'accepted'), (3, 'delivered')) AS life (step, event)
    ORDER BY event_id
    """,
    """
    INSERT INTO delivery_report BY NAME SELECT
        $past * $group + n - 33600000000 AS report_no, 'sandbox' AS gateway, 'r-' || $past || '-' || n AS report_id,
        'gw-' || sha256($past || ':' || n) AS gateway_message_id, sha256($past || ':' || n) AS client_ref,
        'delivered' AS status, false AS is_permanent, $at AS reported_at, $at AS recorded_at, $at AS applied_at,
        $past AS campaign_id
    FROM range(33600000000, 33600000000 + $group) AS numbers (n)
    """,
)


def add_past(desk: Desk, past_count: int) -> None:
    """Add campaigns that are long over, in groups of ``GROUP`` rows, as large campaigns have groups of their own."""
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH '{desk.path}' AS store (ROW_GROUP_SIZE {GROUP})")
        connection.execute("USE store")
        for past in range(1, past_count + 1):
            values = {"past": past, "group": GROUP, "at": desk.clock.at}
            for sql in PAST:
                connection.execute(sql, {name: value for name, value in values.items() if f"${name}" in sql})
        connection.execute("CHECKPOINT store")
        connection.execute("USE memory")
        connection.execute("DETACH store")
    forget_copy(desk.path)  # their messages have no credit


class _Fetched:
    """The rows of a statement that was profiled to its end."""

    def __init__(self, cursor: Any) -> None:
        self.description, self._rows = cursor.description, cursor.fetchall()

    def fetchall(self) -> list[Any]:
        return self._rows


def scanned(operator: dict[str, Any]) -> Counter[str]:
    """Return how many rows of each table of the store an operator of a profile and those below it read."""
    table = str(operator["extra_info"].get("Table", ""))
    rows = Counter({table.rpartition(".")[2]: operator["rows_scanned"]} if table.startswith("store.") else {})
    return sum(map(scanned, operator.get("children", [])), rows)


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Counter[tuple[str, str]]]:
    """How many rows each named statement read of each table of ``HISTORY``, as DuckDB counts them."""
    read: Counter[tuple[str, str]] = Counter()
    execute, profile = StatementRunner.execute, tmp_path / "profile.json"
    names = {sql: name for name, sql in STATEMENTS.items()}

    def profiled(self: StatementRunner, sql: str, parameters: dict[str, Any] | None = None) -> Any:
        name = names.get(sql)
        if name is None:
            return execute(self, sql, parameters)
        self._connection.execute("PRAGMA enable_profiling = 'json'")
        self._connection.execute(f"SET profiling_output = '{profile}'")
        fetched = _Fetched(execute(self, sql, parameters))
        self._connection.execute("PRAGMA disable_profiling")
        for operator in json.loads(profile.read_text())["operator"]:
            read.update({(name, table): rows for table, rows in scanned(operator).items() if table in HISTORY})
        return fetched

    monkeypatch.setattr(checkpoint, "is_due", lambda *_: False)  # it would join the small groups to one
    monkeypatch.setattr(StatementRunner, "_parse", lambda _, name: STATEMENTS[name])  # as text, by which it is named
    monkeypatch.setattr(StatementRunner, "execute", profiled)
    with one_core():  # several threads read more or less in advance
        yield read


@pytest.fixture
def make_desk(store_path: Path, tmp_path: Path) -> Callable[[], Desk]:
    """Return what makes a desk with a store of its own."""
    numbers = count(1)
    return lambda: Desk(copy_store(store_path, tmp_path / f"store-{next(numbers)}" / "sms.duckdb"))


def page(desk: Desk, *persons: int, **changes: Any) -> list[DeliveryReport]:
    refs = desk.sql(
        "SELECT client_ref FROM message JOIN campaign USING (campaign_id) WHERE name = 'winter' ORDER BY recipient_id"
    )
    reports = [
        DeliveryReport(f"r{person}", f"gw-{refs[person][0]}", refs[person][0], "delivered", None, False, desk.clock.at)
        for person in persons
    ]
    return [replace(report, **changes) for report in reports]


def stranger(desk: Desk) -> DeliveryReport:
    return DeliveryReport("s", "gw-7fff", "7fff", "delivered", None, False, desk.clock.at)


def take_a_page(desk: Desk) -> dict[str, int]:
    return desk.report_all(page(desk, 0, 1))


def take_a_page_without_our_references(desk: Desk) -> dict[str, int]:
    return desk.report_all(page(desk, 0, 1, client_ref=None))


def take_a_page_again(desk: Desk) -> dict[str, int]:
    return desk.report_all(page(desk, 2))


def take_what_waited_for_its_answer(desk: Desk) -> dict[str, int]:
    return desk.report_all([])


def take_nothing_beside_a_stranger(desk: Desk) -> dict[str, int]:
    return desk.report_all([])


WAYS: list[tuple[Callable[[Desk], dict[str, int]], dict[str, int]]] = [
    (take_a_page, {"delivered": 2}),
    (take_a_page_without_our_references, {"delivered": 2}),
    (take_a_page_again, {}),
    (take_what_waited_for_its_answer, {"delivered": 1}),
    (take_nothing_beside_a_stranger, {}),
]


def polled(
    desk: Desk, rows_read: Counter[tuple[str, str]], poll: Callable[[Desk], dict[str, int]], past_count: int
) -> Any:
    """Return what a poll moves beside past campaigns, and how many rows of history it reads."""
    add_past(desk, past_count)
    lease = desk.start("winter", range(6), per_slice=3)
    first, second = desk.must_claim(lease), desk.must_claim(lease)
    desk.answer(lease, first, "accepted")
    desk.report_all(page(desk, 2))
    if poll is take_what_waited_for_its_answer:
        assert desk.report_all(page(desk, 4)) == {}
        desk.answer(lease, second, "accepted")
    if poll is take_nothing_beside_a_stranger:
        assert desk.report_all([stranger(desk)]) == {}
        assert desk.report_all([]) == {}
    desk.sql("SELECT 1")  # opens the store, so that a log that is due moves into the file
    rows_read.clear()
    moved = poll(desk)
    return moved, +rows_read


@pytest.mark.parametrize(("poll", "moved"), WAYS, ids=[poll.__name__ for poll, _ in WAYS])
def test_a_poll_reads_no_more_rows_beside_twenty_campaigns_than_beside_one(
    make_desk: Callable[[], Desk],
    rows_read: Counter[tuple[str, str]],
    poll: Callable[[Desk], dict[str, int]],
    moved: dict[str, int],
) -> None:
    moved_beside_one, beside_one = polled(make_desk(), rows_read, poll, 1)
    moved_beside_twenty, beside_twenty = polled(make_desk(), rows_read, poll, 20)
    assert moved_beside_one == moved_beside_twenty == moved
    assert sum(beside_twenty.values()) <= sum(beside_one.values()) + FEW, (beside_one, beside_twenty)


def test_a_report_of_nobody_is_searched_for_in_all_campaigns_once(
    make_desk: Callable[[], Desk], rows_read: Counter[tuple[str, str]]
) -> None:
    desk = make_desk()
    add_past(desk, 20)
    desk.start("winter")
    rows_read.clear()
    assert desk.report_all([stranger(desk)]) == {}
    assert rows_read["report.find_by_ref", "message"] >= 20 * GROUP
    assert desk.report_all([stranger(desk)]) == {}
    rows_read.clear()
    assert desk.report_all([]) == {}
    assert sum(rows_read.values()) < 2 * GROUP, "nothing was recorded since"
    assert desk.value("report.count_waiting", gateway="sandbox") == 1
