"""Delivery reports applied to a campaign: ours with its events, against batched ``UPDATE … FROM`` on a status column.

A tenth as many reports as messages, in pages of 1,000. Ours keeps each report, appends an event for each message,
counts absences and dead numbers, and refuses what would move a message backwards. The peer has one row a message with
its status, and one transaction a page. Both end with the same status of every message.

And one poll of 1,000 reports in a store with one campaign, and in one that has ten times as many messages, events and
reports of past campaigns.
"""

import shutil
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pandas as pd

from bench.racing import Race, cpu_seconds, race
from bench.sending import TUESDAY_MORNING, approve_campaign, copy_store, sending_house
from campanile.services.inbound.history import read_history
from campanile.services.inbound.history_rows import report_rows
from campanile.services.inbound.sync import REPORTS_AT_ONCE, keep_reports
from schemas.gateway import DeliveryReport, Page
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
#: A past campaign: the copy of the first one, long over, with a report on each message.
PAST_CAMPAIGN = (
    """
    INSERT INTO campaign SELECT * REPLACE (
        campaign_id + $past AS campaign_id, name || $past AS name, 'finished' AS state,
        updated_at - INTERVAL 1 YEAR AS updated_at
    ) FROM campaign WHERE campaign_id = $first
    """,
    """
    INSERT INTO message SELECT * REPLACE (
        campaign_id + $past AS campaign_id, left(sha256(client_ref || $past), 20) AS client_ref
    ) FROM message WHERE campaign_id = $first
    """,
    """
    INSERT INTO message_event SELECT * REPLACE (
        event_id + $past * (SELECT max(event_id) FROM message_event WHERE campaign_id = $first) AS event_id,
        campaign_id + $past AS campaign_id, 'of ' || $past || ' ' || gateway_message_id AS gateway_message_id
    ) FROM message_event WHERE campaign_id = $first ORDER BY event_id
    """,
    """
    INSERT INTO delivery_report BY NAME SELECT
        (SELECT coalesce(max(report_no), 0) FROM delivery_report) + row_number() OVER () AS report_no,
        'sandbox' AS gateway, 'of ' || $past || ' ' || client_ref AS report_id, client_ref AS gateway_message_id,
        client_ref, 'delivered' AS status, false AS is_permanent, $at AS reported_at, $at AS recorded_at,
        $at AS applied_at, campaign_id
    FROM message WHERE campaign_id = $first + $past
    """,
)
Statuses = list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class PollCost:
    """One poll of a page of reports, in CPU seconds, beside so many past campaigns of ``message_count`` messages."""

    message_count: int
    past_count: int
    seconds: float


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
        mine = [folder / f"ours-{number}" for number in range(rounds)]
        theirs = [folder / f"peer-{number}.duckdb" for number in range(rounds)]
        for ours, peer in zip(mine, theirs, strict=True):  # copying is not part of it
            copy_store(ready, ours)
            shutil.copyfile(folder / "peer-ready.duckdb", peer)
        report_rows(pages[0])  # what a process imports once
        next_ours, next_peer = iter(mine), iter(theirs)
        return race(
            "delivery reports", sum(map(len, pages)), lambda: _ours(next(next_ours), pages),
            "batched UPDATE … FROM", lambda: _theirs(next(next_peer), pages),
            rounds=rounds, is_same=lambda ours, peer: _statuses_of_ours(ours) == _statuses_of_peer(peer),
        )  # fmt: skip


def poll_growth(size: int, rounds: int, past_counts: tuple[int, ...] = (0, 9)) -> list[PollCost]:
    """Take one page of reports beside no past campaigns, and beside some.

    Raises:
        SystemExit: a report of the page was not applied.
    """
    with tempfile.TemporaryDirectory() as name:
        ready = Path(name) / "ready"
        ready.mkdir()
        approve_campaign(ready, size)
        with sending_house(ready), current_context().transaction() as tx:
            tx.execute(ACCEPT_ALL)
            count = int(tx.execute("SELECT count(*) FROM message").fetchall()[0][0])
        pages = _pages(ready)[:1]
        costs = []
        for past_count in past_counts:
            store = Path(name) / f"past-{past_count}"
            copy_store(ready, store)
            _add_past(store, past_count)
            seconds = [_poll(store, Path(name) / f"round-{past_count}-{number}", pages) for number in range(rounds)]
            costs.append(PollCost(count, past_count, statistics.median(seconds)))
        return costs


def _add_past(folder: Path, past_count: int) -> None:
    with sending_house(folder):
        for past in range(1, past_count + 1):
            with current_context().transaction() as tx:
                first = tx.execute("SELECT min(campaign_id) FROM message").fetchall()[0][0]
                for sql in PAST_CAMPAIGN:
                    named = {"past": past, "first": first, "at": REPORTED_AT}
                    tx.execute(sql, {key: value for key, value in named.items() if f"${key}" in sql})


def _poll(store: Path, folder: Path, pages: list[list[DeliveryReport]]) -> float:
    copy_store(store, folder)
    with sending_house(folder):
        _take(pages[:0])  # what a process reads once
        started = cpu_seconds()
        moved = _take(pages)
        seconds = cpu_seconds() - started
    shutil.rmtree(folder)
    if sum(moved.values()) != len({report.client_ref for page in pages for report in page}):
        raise SystemExit(f"a poll of {sum(map(len, pages))} reports moved {dict(moved)}")
    return seconds


def _take(pages: list[list[DeliveryReport]]) -> Counter[str]:
    """Read pages of reports as ``sync_reports`` does; return how many messages changed, by event."""
    context, moved = current_context(), Counter[str]()

    def read(cursor: str) -> Page[DeliveryReport]:
        at = int(cursor or 0)
        return Page(pages[at], str(at + 1)) if at < len(pages) else Page([], cursor)

    keep = partial(keep_reports, context, moved)
    read_history(context, "sandbox", "reports", read, report_rows, keep, at_once=REPORTS_AT_ONCE)
    return moved


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


def _ours(folder: Path, pages: list[list[DeliveryReport]]) -> Path:
    with sending_house(folder):
        _take(pages)
    return folder


def _statuses_of_ours(folder: Path) -> Statuses:
    with sending_house(folder), current_context().transaction(read_only=True) as tx:
        found = tx.execute("SELECT client_ref, state, reason FROM message_status").fetchall()
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


def _theirs(path: Path, pages: list[list[DeliveryReport]]) -> Path:
    with duckdb.connect(str(path)) as connection:
        for page in _frames(pages):
            connection.register("page", page)
            connection.execute(UPDATE)
    return path


def _statuses_of_peer(path: Path) -> Statuses:
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute("SELECT client_ref, status, reason FROM message_state").fetchall()
    return sorted((ref, hash((status, reason))) for ref, status, reason in found)


def _frames(pages: list[list[DeliveryReport]]) -> Iterator[pd.DataFrame]:
    for page in pages:
        rows = [(report.client_ref, str(report.status), report.reason) for report in page]
        yield pd.DataFrame(rows, columns=["client_ref", "status", "reason"]).drop_duplicates("client_ref")
