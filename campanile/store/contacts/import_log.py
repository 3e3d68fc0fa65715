"""The import log: each file, how it was read, and the results of its rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from campanile.sms.errors import StoreError
from campanile.store.contacts.impact import Preview
from campanile.store.db.database import Transaction
from schemas.contact_rows import ContactList, DuplicateExample

ROW_RESULTS = ("accepted", "updated", "duplicate", "rejected")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """Where the rows of a file came from, and how they were read.

    ``read_options``: other options that a person gave, such as ``{"hidden_rows": "keep"}``.
    """

    file_name: str
    sha256: str
    size_bytes: int
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    column_map: Mapping[str, str]
    region: str
    is_sample: bool
    read_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StagedRows:
    """The valid and the rejected rows of a file: frames, or the paths of Parquet files.

    Attributes:
        rows: ``ContactRows``; the JSON in ``fields`` has no white space, which makes an import of known rows fast.
        rejected: ``RejectedRows``.
        row_count: data rows of the file: those of both.
    """

    rows: Path | pd.DataFrame
    rejected: Path | pd.DataFrame
    row_count: int


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """The results of a file's rows, by count; ``same_as``: the earlier import of the same bytes, if there is one.

    Attributes:
        known_count: valid rows whose number was in the list before this file.
        opted_out_count: people of this file who are opted out.
        territories: valid rows of the file by territory, the eight with most.
        replaced: what changed when the file replaced another one.
        duplicate_examples: the first three duplicates: their row, and the earlier file and row with the number.
    """

    import_id: int
    file_name: str
    row_count: int
    result_counts: Mapping[str, int]
    reject_reasons: Mapping[str, int] = field(default_factory=dict)
    opted_out_count: int = 0
    territories: Mapping[str, int] = field(default_factory=dict)
    same_as: str | None = None
    known_count: int = 0
    replaced: Preview | None = None
    duplicate_examples: Sequence[DuplicateExample] = ()


class _EarlierImport(NamedTuple):
    import_id: int
    file_name: str
    recorded_at: datetime


def earlier_import(
    tx: Transaction, source: SourceFile, kind: str = "contacts", list_name: str | None = None
) -> ImportSummary | None:
    """Return a summary that names the first import of the same bytes, or None; an undone import does not count.

    The same bytes with other options (sheet, columns, region, encoding, …) are another import.
    """
    found_list = tx.find(ContactList, "list.find", list_name=list_name) if list_name else None
    if list_name and found_list is None:
        return None
    found = tx.find(
        _EarlierImport,
        "import.find_same_bytes",
        sha256=source.sha256,
        kind=kind,
        list_id=found_list.list_id if found_list else None,
        sheet=source.sheet,
        encoding=source.encoding,
        column_map=_as_json(source.column_map),
        region=source.region,
        read_options=_options_json(source),
    )
    if found is None:
        return None
    first = f"{found.file_name} on {found.recorded_at:%Y-%m-%d %H:%M} UTC (import {found.import_id})"
    return ImportSummary(found.import_id, found.file_name, 0, dict.fromkeys(ROW_RESULTS, 0), same_as=first)


@contextmanager
def staged_file(tx: Transaction, file_name: str, staged: StagedRows) -> Iterator[None]:
    """Make a file's rows readable as ``staged_rows`` and ``staged_rejected``, after a check.

    Raises:
        StoreError: rows are not valid; the error says what is wrong, in how many rows.
    """
    with tx.staged("import.count_broken", staged_rows=staged.rows, staged_rejected=staged.rejected):
        broken = tx.counts("import.count_broken", row_count=staged.row_count)
        if broken:
            what = ", ".join(f"{rule} ({count})" for rule, count in broken.items())
            raise StoreError(f"{file_name}: {staged.row_count} rows cannot be stored: {what}")
        yield


def close_import(
    tx: Transaction,
    import_id: int,
    kind: str,
    list_id: int | None,
    source: SourceFile,
    row_count: int,
    known_count: int,
    replaced: tuple[int, Preview] | None = None,
) -> ImportSummary:
    """Count a file's rows by their results, add the file to the log, and return its summary.

    Raises:
        StoreError: the results do not add up to the rows.
    """
    results = dict.fromkeys(ROW_RESULTS, 0) | tx.counts("import.count_fates", import_id=import_id)
    reasons = tx.counts("import.reject_reasons", import_id=import_id)
    results["rejected"] = sum(reasons.values())
    if sum(results.values()) != row_count:
        raise StoreError(f"{source.file_name}: {row_count} rows, but the results {results} add up to another number")
    counts: dict[str, Any] = {f"{result}_count": count for result, count in results.items()}
    tx.run(
        "import.add_file",
        import_id=import_id,
        kind=kind,
        list_id=list_id,
        file_name=source.file_name,
        sha256=source.sha256,
        size_bytes=source.size_bytes,
        encoding=source.encoding,
        delimiter=source.delimiter,
        sheet=source.sheet,
        column_map=_as_json(source.column_map),
        region=source.region,
        read_options=_options_json(source),
        is_sample=source.is_sample,
        row_count=row_count,
        known_count=known_count,
        replaces=replaced and replaced[0],
        at=tx.at,
        **counts,
    )
    return ImportSummary(
        import_id=import_id,
        file_name=source.file_name,
        row_count=row_count,
        result_counts=results,
        reject_reasons=reasons,
        opted_out_count=int(tx.value("import.count_opted_out", import_id=import_id)),
        territories=tx.counts("import.top_territories", import_id=import_id),
        known_count=known_count,
        replaced=replaced and replaced[1],
        duplicate_examples=tx.select(DuplicateExample, "import.duplicate_examples", import_id=import_id),
    )


def _options_json(source: SourceFile) -> str | None:
    return json.dumps(dict(source.read_options), sort_keys=True) if source.read_options else None


def _as_json(column_map: Mapping[str, str]) -> str:
    return json.dumps(dict(column_map), ensure_ascii=False)
