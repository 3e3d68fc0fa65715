"""Frames: the types that they give DuckDB, and what is refused of rows that are not theirs."""

import ast
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from campanile.sms.errors import FrameError
from schemas.frame_checks import FRAMES, check, check_batches, columns_of, duckdb_types, find_failures
from schemas.frames import ContactRows, Messages
from schemas.inbound_frames import DeliveryReports, IncomingReplies, OptOuts

AT = datetime(2026, 11, 24, 9, 0, 0, 5, tzinfo=UTC)
REPLY = {
    "gateway_reply_id": "r1", "sender": "+33639980001", "number_id": 33_639_980_001, "text": "", "verdict": "other",
    "received_at": AT,
}  # fmt: skip
REPORT = {
    "report_id": "d1", "gateway_message_id": "g1", "client_ref": None, "status": "delivered", "reason": None,
    "is_permanent": False, "reported_at": AT, "charge": "0.05", "charge_unit": "EUR", "charge_segments": None,
    "word": "delivered", "cause": None,
}  # fmt: skip
CONTACT = {"row_number": 2, "number_id": 33_639_980_001, "territory": "FR", "fields": "{}"}
MESSAGE = {
    "recipient_id": 1, "number_id": 33_639_980_001, "msisdn": "+33639980001", "text": "Hello", "encoding": "GSM-7",
    "sender_id": "SHOP", "segment_count": 1, "price": "0.05", "territory": "FR", "window_key": "FR", "slice_no": 1,
    "origin": "typed", "import_id": None, "row_number": None,
}  # fmt: skip
OPT_OUT = {
    "position": 0, "number_id": 33_639_980_001, "source": "phone", "source_ref": None,
    "reply_id": None, "said_at": None, "channel": None, "note": None,
}  # fmt: skip
GOOD = [
    (IncomingReplies, REPLY),
    (DeliveryReports, REPORT),
    (ContactRows, CONTACT),
    (Messages, MESSAGE),
    (OptOuts, OPT_OUT),
]


def rows_of(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), dtype=object)


def test_types_are_those_of_the_columns() -> None:
    assert duckdb_types("SliceHours") == {"window_key": "VARCHAR", "not_before": "TIMESTAMPTZ"}
    assert duckdb_types("LeftoverCells") == {"field_no": "BIGINT", "cell": "VARCHAR", "price": "DECIMAL(18, 6)"}
    assert all(duckdb_types(name) for name in FRAMES)


@pytest.mark.parametrize("name", FRAMES)
def test_every_frame_says_its_grain_and_its_key(name: str) -> None:
    words = (FRAMES[name].__doc__ or "").lower()
    assert "grain" in words
    assert "key" in words or "may occur again" in words


@pytest.mark.parametrize(("frame", "row"), GOOD, ids=lambda item: getattr(item, "__name__", ""))
def test_good_rows_get_their_types(frame: Any, row: dict[str, Any]) -> None:
    found = check(rows_of(row), frame, "rows")
    assert list(found.columns) == columns_of(frame)
    assert found.astype(object).where(found.notna(), None).to_dict("records") == [row]
    assert len(check(rows_of(row).head(0), frame, "rows")) == 0


BAD = [
    (IncomingReplies, REPLY, "sender", None),
    (IncomingReplies, REPLY, "text", None),
    (IncomingReplies, REPLY, "verdict", "perhaps"),
    (IncomingReplies, REPLY, "number_id", 3698),
    (IncomingReplies, REPLY, "number_id", 33_639_980_001.5),
    (IncomingReplies, REPLY, "received_at", None),
    (DeliveryReports, REPORT, "status", "lost"),
    (DeliveryReports, REPORT, "is_permanent", "perhaps"),
    (DeliveryReports, REPORT, "charge", "1e-3"),
    (DeliveryReports, REPORT, "charge", "-1"),
    (DeliveryReports, REPORT, "charge_segments", -1),
    (ContactRows, CONTACT, "row_number", 0),
    (ContactRows, CONTACT, "number_id", 999_999),
    (ContactRows, CONTACT, "number_id", 10**15),
    (ContactRows, CONTACT, "territory", "fr"),
    (ContactRows, CONTACT, "fields", "[]"),
    (Messages, MESSAGE, "recipient_id", 0),
    (Messages, MESSAGE, "msisdn", "0639980001"),
    (Messages, MESSAGE, "text", ""),
    (Messages, MESSAGE, "price", "0.0000001"),
    (Messages, MESSAGE, "slice_no", 0),
]


@pytest.mark.parametrize(("frame", "row", "column", "value"), BAD)
def test_a_bad_value_is_refused(frame: Any, row: dict[str, Any], column: str, value: object) -> None:
    with pytest.raises(FrameError, match=rf"^rows: 1 row received, not as {frame.__name__} requires: .*\b{column} "):
        check(rows_of({**row, column: value}), frame, "rows")


def test_all_failures_are_reported_in_one_line_without_a_value() -> None:
    bad = [{**REPLY, "verdict": "perhaps", "sender": None}, {**REPLY, "number_id": 1}, {**REPLY, "verdict": "no"}]
    rows = rows_of(*bad).drop(columns="text").assign(more=1)
    with pytest.raises(FrameError) as caught:
        check(rows, IncomingReplies, "replies")
    line = str(caught.value)
    assert line.startswith("replies: 3 rows received, not as IncomingReplies requires: ")
    assert {"text column_in_dataframe (1)", "more column_in_schema (1)", "sender not_nullable (1)"} <= set(
        line.partition(": ")[2].partition(": ")[2].partition(";")[0].split(", ")
    )
    assert "(2)" in line
    assert "\n" not in line
    assert "perhaps" not in line
    assert "33639980001" not in line
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_failures_of_all_batches_are_counted_together() -> None:
    batches = [rows_of({**CONTACT, "territory": "x"}), rows_of(CONTACT), rows_of({**CONTACT, "territory": "yy"})]
    with pytest.raises(
        FrameError, match=r"^f\.csv: 3 rows received, .*: territory str_matches\([^ ]+\) \(2\); nothing"
    ):
        check_batches(iter(batches), ContactRows, "f.csv")


def test_a_failure_names_its_row() -> None:
    (failure,) = find_failures(rows_of(CONTACT, {**CONTACT, "row_number": 3, "territory": "x"}), ContactRows)
    assert (failure.column, failure.row, failure.value) == ("territory", 1, "x")


def test_times_with_different_offsets_become_utc() -> None:
    east = AT.astimezone(timezone(timedelta(hours=4)))
    found = check(rows_of(REPLY, {**REPLY, "received_at": east}), IncomingReplies, "replies")
    assert found["received_at"].tolist() == [AT, AT]


ROOT = Path(__file__).parents[2]
NEED_PANDERA = {
    "schemas/frames.py",
    "schemas/inbound_frames.py",
    "schemas/report_frames.py",
    "schemas/scratch_frames.py",
    "schemas/frame_checks.py",
}


def imported_at_once(source: str) -> set[str]:
    """Return the modules that a source imports as soon as it is imported itself."""
    body = ast.parse(source).body
    names = {name.name for node in body if isinstance(node, ast.Import) for name in node.names}
    sources = [node for node in body if isinstance(node, ast.ImportFrom)]
    names |= {node.module or "" for node in sources}
    return names | {f"{node.module}.{name.name}" for node in sources for name in node.names}


def test_pandera_is_imported_by_those_who_validate_only() -> None:
    slow = {name.removesuffix(".py").replace("/", ".") for name in NEED_PANDERA} | {"pandera", "pandera.pandas"}
    found = [
        str(path.relative_to(ROOT))
        for floor in ("campanile", "schemas", "tasks", "flows")
        for path in (ROOT / floor).rglob("*.py")
        if imported_at_once(path.read_text(encoding="utf-8")) & slow
    ]
    assert set(found) == NEED_PANDERA
