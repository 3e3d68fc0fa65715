"""Look frames up by their names, derive their DuckDB types, and validate rows against them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import pandas as pd
import pandera.pandas as pa

from campanile.sms.errors import FrameError
from campanile.sms.text.formatting import count_text
from schemas import frames, inbound_frames, report_frames, scratch_frames
from schemas.frames import Frame

FRAMES: Mapping[str, type[Frame]] = {
    name: item
    for module in (frames, inbound_frames, report_frames, scratch_frames)
    for name, item in vars(module).items()
    if isinstance(item, type) and issubclass(item, Frame) and item is not Frame
}
_DUCKDB_TYPES = {
    "Int64": "BIGINT", "Int32": "INTEGER", "boolean": "BOOLEAN", "str": "VARCHAR", "datetime64[us, UTC]": "TIMESTAMPTZ",
}  # fmt: skip


class Failure(NamedTuple):
    """A value that breaks a check. If the whole frame breaks it, ``row`` is None and ``value`` is a column name.

    ``value`` may be personal data: never put it in a message.
    """

    column: str
    check: str
    row: int | None
    value: object


@cache
def duckdb_types(name: str) -> Mapping[str, str]:
    """Return the columns of a frame with their DuckDB types, in the frame's order.

    Raises:
        KeyError: there is no such frame.

    >>> duckdb_types("SliceHours")
    {'window_key': 'VARCHAR', 'not_before': 'TIMESTAMPTZ'}
    """
    return {
        column: (field.metadata or {}).get("sql") or _DUCKDB_TYPES[str(field.dtype.type)]
        for column, field in FRAMES[name].to_schema().columns.items()
    }


def columns_of(frame: type[Frame]) -> list[str]:
    """Return the names of a frame's columns, in their order."""
    return list(frame.to_schema().columns)


def find_failures(rows: pd.DataFrame, frame: type[Frame]) -> list[Failure]:
    """Return each failed check of the rows against their frame."""
    return _validated(rows, frame)[1]


def check(rows: pd.DataFrame, frame: type[Frame], what: str) -> pd.DataFrame:
    """Return rows with the types of their frame.

    Args:
        rows: the rows to validate.
        frame: their frame.
        what: a name for the rows, for the message.

    Raises:
        FrameError: a check fails; one line names each column, check and number of rows, and shows no value.
    """
    valid, failures = _validated(rows, frame)
    _refuse(failures, frame, what, len(rows))
    return valid


def check_batches(batches: Iterable[pd.DataFrame], frame: type[Frame], what: str) -> None:
    """Check rows batch by batch, and report all failures together; a unique column is checked within each batch.

    Raises:
        FrameError: as for ``check``.
    """
    failures: list[Failure] = []
    row_count = 0
    for rows in batches:
        failures += find_failures(rows, frame)
        row_count += len(rows)
    _refuse(failures, frame, what, row_count)


def _refuse(failures: Sequence[Failure], frame: type[Frame], what: str, row_count: int) -> None:
    if failures:
        raise FrameError(
            f"{what}: {count_text(row_count, 'row')} received, not as {frame.__name__} requires: "
            f"{_summary(failures)}; nothing of it is stored"
        )


def _validated(rows: pd.DataFrame, frame: type[Frame]) -> tuple[pd.DataFrame, list[Failure]]:
    """Return the validated rows, or their failures. pandera's error contains values, so it is never chained."""
    try:
        return frame.validate(rows, lazy=True), []
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
    return rows, [
        Failure(str(column), str(rule), None if pd.isna(index) else int(index), value)
        for column, rule, index, value in zip(
            cases["column"], cases["check"], cases["index"], cases["failure_case"], strict=True
        )
    ]


def _summary(failures: Sequence[Failure]) -> str:
    """Return the number of failures by column and check, in their order."""
    counts: dict[str, int] = {}
    for failure in failures:
        column = failure.value if failure.check in ("column_in_schema", "column_in_dataframe") else failure.column
        counts[f"{column} {failure.check}"] = counts.get(f"{column} {failure.check}", 0) + 1
    return ", ".join(f"{what} ({count})" for what, count in counts.items())
