"""Delivery reports applied to a campaign: ours with its events, against batched ``UPDATE … FROM`` on a status column.

A tenth as many reports as messages, in pages of 1,000. Ours keeps each report, appends an event for each message,
counts absences and dead numbers, and refuses what would move a message backwards. The peer has one row a message with
its status, and one transaction a page. Both end with the same status of every message.
"""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd

from bench.racing import Race, race
from bench.sending import TUESDAY_MORNING, approve_campaign, copy_store, sending_house
from campanile.services.inbound.history_rows import report_rows
from campanile.services.inbound.sync import apply_waiting_reports
from campanile.store.inbound.reports import add_reports
from schemas.gateway import DeliveryReport
from schemas.report_words import ReportReason, ReportStatus
from tasks.context import current_context

PAGE_SIZE = 1_000
SHARE = 10
REPORTED_AT = datetime.fromisoformat(TUESDAY_MORNING) + timedelta(minutes=1)
#: Every message was claimed and accepted, in the order of the queue.
ACCEPT_ALL = """
INSERT INTO message_event
SELECT
    row_number() OVER (ORDER BY step, slice_no, recipient_id), campaign_id, recipient_id, event, slice_no, 1,
    CASE event WHEN 'accepted' THEN 'gw-' || client_ref END, NULL, TIMESTAMPTZ '2026-11-24 09:00:00+00'
FROM message, (VALUES (1, 'claimed'), (2, 'accepted')) AS life (step, event)
"""
UPDATE = """
UPDATE message_state SET status = page.status, reason = page.reason
FROM page WHERE message_state.client_ref = page.client_ref AND message_state.status = 'accepted'
"""
Statuses = list[tuple[str, int]]


def reports(size: int, rounds: int) -> Race:
    """Apply reports on a tenth of the messages of a campaign."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ready = folder / "ready"
        ready.mkdir()
        approve_campaign(ready, size)
        with sending_house(ready), current_context().transaction() as tx:
            tx.execute(ACCEPT_ALL)
        pages = _pages(ready)
        _make_peer(ready, folder / "peer-ready.duckdb")
        numbers = iter(range(10**6))
        return race(
            "delivery reports", sum(map(len, pages)), lambda: _ours(ready, folder / f"ours-{next(numbers)}", pages),
            "batched UPDATE … FROM", lambda: _theirs(folder, folder / f"peer-{next(numbers)}.duckdb", pages),
            rounds=rounds,
        )  # fmt: skip


def _pages(ready: Path) -> list[list[DeliveryReport]]:
    """Return the reports of each tenth message of the queue, some of them twice."""
    with sending_house(ready), current_context().transaction(read_only=True) as tx:
        refs = [ref for (ref,) in tx.execute("SELECT client_ref FROM message ORDER BY recipient_id").fetchall()]
    found = [_report(number, ref) for number, ref in enumerate(refs[::SHARE])]
    found += found[:: 5 * SHARE]
    return [found[start : start + PAGE_SIZE] for start in range(0, len(found), PAGE_SIZE)]


def _report(number: int, client_ref: str) -> DeliveryReport:
    is_delivered = number % 25 != 0
    return DeliveryReport(
        f"r{number}",
        f"gw-{client_ref}",
        client_ref,
        ReportStatus.DELIVERED if is_delivered else ReportStatus.UNDELIVERED,
        None if is_delivered else "absent",
        False,
        REPORTED_AT,
        word="delivered" if is_delivered else "undelivered absent",
        cause=None if is_delivered else ReportReason.ABSENT,
    )


def _ours(ready: Path, folder: Path, pages: list[list[DeliveryReport]]) -> Statuses:
    copy_store(ready, folder)
    with sending_house(folder):
        context = current_context()
        for page in pages:
            rows = report_rows(page)
            with context.transaction() as tx:
                add_reports(tx, "sandbox", rows)
        apply_waiting_reports(context, "sandbox")
        with context.transaction(read_only=True) as tx:
            found = tx.execute("SELECT client_ref, state, reason FROM message_status").fetchall()
    shutil.rmtree(folder)
    return sorted((ref, hash((state, reason))) for ref, state, reason in found)


def _make_peer(ready: Path, path: Path) -> None:
    """Make the peer's store: one row a message, with its status."""
    with sending_house(ready), current_context().transaction(read_only=True) as tx:
        refs = tx.execute("SELECT client_ref FROM message ORDER BY slice_no, recipient_id").df()
    with duckdb.connect(str(path)) as connection:
        connection.register("refs", refs)
        connection.execute(
            "CREATE TABLE message_state AS SELECT client_ref, 'accepted' AS status, CAST(NULL AS VARCHAR) AS reason "
            "FROM refs"
        )


def _theirs(folder: Path, path: Path, pages: list[list[DeliveryReport]]) -> Statuses:
    shutil.copyfile(folder / "peer-ready.duckdb", path)
    with duckdb.connect(str(path)) as connection:
        for page in _frames(pages):
            connection.register("page", page)
            connection.execute(UPDATE)
        found = connection.execute("SELECT client_ref, status, reason FROM message_state").fetchall()
    path.unlink()
    return sorted((ref, hash((status, reason))) for ref, status, reason in found)


def _frames(pages: list[list[DeliveryReport]]) -> Iterator[pd.DataFrame]:
    for page in pages:
        rows = [(report.client_ref, str(report.status), report.reason) for report in page]
        yield pd.DataFrame(rows, columns=["client_ref", "status", "reason"]).drop_duplicates("client_ref")
