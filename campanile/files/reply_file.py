"""The rows of a file of replies: each is a reply, or is handed back with one reason.

A reply of a sender that is no mobile number (a short code, a name) counts too, as one that is polled. A refusal counts
whatever is wrong with its time.
"""

# Annotations stay text: evaluated, they keep DuckDB's types alive, and each process would end with "leaked" objects.
from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import duckdb

from campanile.files.parsing.column_aliases import REPLY_ID_NAMES, REPLY_TEXT_NAMES, REPLY_TIME_NAMES
from campanile.files.parsing.column_mapping import NUMBER_FIELD, header_key, shown_columns
from campanile.files.parsing.csv_record import split_record
from campanile.files.parsing.protocol import StagedFile
from campanile.files.parsing.sql_macros import quoted
from campanile.files.parsing.workbook import WORKBOOK_DELIMITER
from campanile.files.rejects import REJECT_WORDS, Reject, broken_cells
from campanile.sms.errors import ContactFileError
from campanile.sms.numbers.msisdn import REASONS
from campanile.sms.rules.replies.verdicts import SUPPRESSING, classify_reply

UNREADABLE = "unreadable_time"
"""The reason of a row whose text was read and is no refusal, and whose time cannot be read."""
REPLY_WORDS: dict[str, str] = {
    "no_text": "There is no text in this reply. Delete the row, or add the text.",
    UNREADABLE: "The time of this reply cannot be read. Write it like 2026-11-23 14:05:00.",
}
ALL_WORDS: dict[str, str] = {**REJECT_WORDS, **REPLY_WORDS}
UNREADABLE_TIME = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of a refusal whose time cannot be read: it is implausible, so the time of reading counts."""

_READMITTED = REASONS.keys() - {"empty_number"}
_BATCH = 1000
_LONGEST_SENDER = 100
_DATES = ("%Y-%m-%d", "%Y/%m/%d")
_DAY_FIRST = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y")
_HOURS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")


class FileReply(NamedTuple):
    """A reply of a file; ``gateway_reply_id`` is empty if the file names none."""

    row_number: int
    gateway_reply_id: str
    sender: str
    text: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ReplyColumns:
    """The columns of a file of replies, by their names in its header; ``reply_id`` None: there is none."""

    sender: str
    text: str
    time: str
    reply_id: str | None


def find_columns(staged: StagedFile) -> ReplyColumns:
    """Return which columns hold sender, text, time and id.

    Raises:
        ContactFileError: there is none for the text or for the time.
    """
    sender = next(name for name, field in staged.column_map.items() if field == NUMBER_FIELD)
    others = {header_key(name): name for name in reversed(staged.header) if name != sender}

    def find(names: Sequence[str]) -> str | None:
        return next((others[key] for key in names if key in others), None)

    found = {"text": find(REPLY_TEXT_NAMES), "time": find(REPLY_TIME_NAMES)}
    for what, name in found.items():
        if name is None:
            names = REPLY_TEXT_NAMES if what == "text" else REPLY_TIME_NAMES
            raise ContactFileError(
                f"no column with the {what} of the replies; call it {', '.join(names[:3])}; "
                f"{shown_columns(staged.header)}"
            )
    return ReplyColumns(sender, str(found["text"]), str(found["time"]), find(REPLY_ID_NAMES))


def read_replies(staged: StagedFile, zone: ZoneInfo, *, is_day_first: bool) -> Iterator[FileReply | Reject]:
    """Yield each row of a staged file, in its order: a reply, or a reject with its cells.

    Args:
        staged: the rows as the parser left them.
        zone: of times without an offset.
        is_day_first: whether 05/12/2026 is 5 December.
    """
    columns, header = find_columns(staged), staged.header
    for row_number, reason, cells in _rows(staged):
        if reason is not None and reason not in _READMITTED:
            yield Reject(row_number, reason, cells)
            continue
        row = dict(zip(header, cells, strict=True))
        sender, text = row[columns.sender].strip()[:_LONGEST_SENDER], row[columns.text].strip()
        received_at = parse_time(row[columns.time], zone, is_day_first=is_day_first)
        if not text:
            yield Reject(row_number, "no_text", cells)
        elif received_at is None and classify_reply(text) not in SUPPRESSING:
            yield Reject(row_number, UNREADABLE, cells)
        else:
            reply_id = row[columns.reply_id].strip() if columns.reply_id else ""
            yield FileReply(row_number, reply_id, sender, text, received_at or UNREADABLE_TIME)


def parse_time(text: str, zone: ZoneInfo, *, is_day_first: bool = True) -> datetime | None:
    """Return a time of a file in UTC; None: it is not one. Without an offset it is local to ``zone``.

    >>> parse_time("23/11/2026 14:05", ZoneInfo("Europe/Paris")).isoformat()
    '2026-11-23T13:05:00+00:00'
    >>> parse_time("2026-11-23T14:05:00Z", ZoneInfo("Europe/Paris")).isoformat()
    '2026-11-23T14:05:00+00:00'
    >>> parse_time("soon", ZoneInfo("Europe/Paris"))
    """
    cleaned = " ".join(text.split())
    found = None
    with suppress(ValueError):
        found = datetime.fromisoformat(cleaned)
    for day in (*_DATES, *(_DAY_FIRST if is_day_first else _MONTH_FIRST)) if found is None else ():
        for hour in _HOURS:
            with suppress(ValueError):
                found = found or datetime.strptime(cleaned, day + hour)  # noqa: DTZ007 - it gets its zone below
    if found is None or found.year < 1900:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _rows(staged: StagedFile) -> Iterator[tuple[int, str | None, list[str]]]:
    """Yield (row number, reason, cells), in the order of the file; the reason is None for a row with a number."""
    delimiter, width = staged.delimiter or WORKBOOK_DELIMITER, len(staged.header)
    fields = [staged.column_map.get(name) for name in staged.header]
    for row_number, reason, raw_line, number_id, values in _stored(staged.rows, staged.rejected):
        if number_id is not None:
            found = json.loads(values) | {NUMBER_FIELD: f"+{number_id}"}
            yield row_number, None, [str(found.get(field, "")) for field in fields]
        elif reason in _READMITTED:
            yield row_number, reason, (split_record(raw_line, delimiter) + [""] * width)[:width]
        else:
            yield row_number, reason, broken_cells(raw_line, reason, delimiter, width)


def _stored(rows: Path, rejected: Path) -> Iterator[tuple[Any, ...]]:
    with duckdb.connect(":memory:") as engine:
        engine.execute(
            "SELECT row_number, CAST(NULL AS VARCHAR) AS reason, NULL AS raw_line, number_id, fields "  # noqa: S608
            f"FROM read_parquet({quoted(str(rows))}) UNION ALL "
            f"SELECT row_number, reason, raw_line, NULL, NULL FROM read_parquet({quoted(str(rejected))}) ORDER BY 1"
        )
        while batch := engine.fetchmany(_BATCH):
            yield from batch
