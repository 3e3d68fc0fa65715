"""Lists, imports and opt-outs: every row of a file gets one fate, in one transaction."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sms.errors import CampaignError, ContactFileError, StoreError
from store.database import Transaction

FATES = ("accepted", "updated", "duplicate", "rejected")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What is remembered of a file: where its rows came from and how they were read."""

    file_name: str
    sha256: str
    size_bytes: int
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    column_map: Mapping[str, str]
    region: str
    is_sample: bool


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """The fate of a file's rows, by count; ``same_as`` tells when its bytes had come before (then nothing was done)."""

    import_id: int
    file_name: str
    row_count: int
    fates: Mapping[str, int]
    reject_reasons: Mapping[str, int] = field(default_factory=dict)
    opted_out_count: int = 0
    territories: Mapping[str, int] = field(default_factory=dict)
    same_as: str | None = None


def list_id_of(visit: Transaction, list_name: str) -> int:
    """Return a list's id.

    Raises:
        CampaignError: there is no such list; the line names those that exist.
    """
    found = visit.row("list.find", list_name=list_name)
    if found is None:
        known = ", ".join(row["list_name"] for row in visit.rows("list.names")) or "none yet"
        raise CampaignError(f"no list {list_name!r}; lists are: {known}")
    return int(found["list_id"])


def earlier_import(
    visit: Transaction, source: SourceFile, kind: str = "contacts", list_name: str | None = None
) -> ImportSummary | None:
    """Return a summary that says when the same bytes came first, or None.

    Read in another way (sheet, columns, region, encoding) the same bytes are another import.
    """
    found_list = visit.row("list.find", list_name=list_name) if list_name else None
    if list_name and found_list is None:
        return None
    list_id = found_list["list_id"] if found_list else None
    found = visit.row(
        "import.find_same_bytes",
        sha256=source.sha256,
        kind=kind,
        list_id=list_id,
        sheet=source.sheet,
        encoding=source.encoding,
        column_map=_as_json(source.column_map),
        region=source.region,
    )
    if found is None:
        return None
    first = f"{found['file_name']} on {found['recorded_at']:%Y-%m-%d %H:%M} UTC (import {found['import_id']})"
    return ImportSummary(found["import_id"], found["file_name"], 0, dict.fromkeys(FATES, 0), same_as=first)


def import_contacts(visit: Transaction, list_name: str, source: SourceFile, rows: pd.DataFrame) -> ImportSummary:
    """Merge a file's rows into a list, which is made when it is new.

    Args:
        visit: the open transaction: all of it is committed, or nothing.
        list_name: the list.
        source: what to remember of the file.
        rows: one row a data row, keyed by ``row_number``: ``raw_line``, ``reason`` (None when valid), and for valid
            rows ``number_id``, ``msisdn``, ``territory`` and ``fields`` (JSON of the filled merge fields).

    Raises:
        ContactFileError: the same bytes were imported into this list by another process meanwhile.
        StoreError: the fates do not add up to the rows.
    """
    earlier = earlier_import(visit, source, "contacts", list_name)
    if earlier is not None:
        raise ContactFileError(f"{source.file_name} is already in list {list_name}: {earlier.same_as}")
    list_id = _list_made_sure(visit, list_name, source.is_sample)
    import_id = int(visit.value("import.next_id"))
    valid = rows[rows["reason"].isna()][["row_number", "number_id", "msisdn", "territory", "fields"]]
    with visit.staged(staged_rows=valid.astype({"number_id": "int64"})):
        visit.run("import.stage_fates", list_id=list_id)
        fates = {row["fate"]: row["row_count"] for row in visit.rows("import.count_fates")}
        visit.run("import.merge_contacts", list_id=list_id, import_id=import_id, at=visit.at)
    visit.execute("DROP TABLE temp.staged_fates")
    rejected = _add_rejects(visit, import_id, rows)
    counts = {fate: fates.get(fate, 0) for fate in FATES} | {"rejected": rejected}
    _add_file(visit, import_id, "contacts", list_id, source, len(rows), counts)
    return ImportSummary(
        import_id=import_id,
        file_name=source.file_name,
        row_count=len(rows),
        fates=counts,
        reject_reasons=_reject_reasons(visit, import_id),
        opted_out_count=int(visit.value("import.count_opted_out", import_id=import_id)),
        territories={
            row["territory"]: row["contact_count"] for row in visit.rows("import.top_territories", list_id=list_id)
        },
    )


def import_opt_outs(visit: Transaction, source: SourceFile, rows: pd.DataFrame) -> ImportSummary:
    """Add a file's numbers to the opt-outs; ``rows`` is shaped as for ``import_contacts``.

    A number that was opted out before, or stands twice in the file, is a duplicate: the first date stays the proof.
    """
    import_id = int(visit.value("import.next_id"))
    valid = rows[rows["reason"].isna()]
    added = add_opt_outs(visit, valid[["number_id", "msisdn"]], "file", f"import {import_id}")
    rejected = _add_rejects(visit, import_id, rows)
    counts = {"accepted": added, "updated": 0, "duplicate": len(valid) - added, "rejected": rejected}
    _add_file(visit, import_id, "opt_outs", None, source, len(rows), counts)
    return ImportSummary(import_id, source.file_name, len(rows), counts, _reject_reasons(visit, import_id))


def add_opt_outs(visit: Transaction, numbers: pd.DataFrame, source: str, source_ref: str | None) -> int:
    """Opt numbers out (``number_id``, ``msisdn``); return how many were not opted out before."""
    rows = numbers.assign(source=source, source_ref=source_ref).astype({"number_id": "int64"})
    return visit.run_staged("opt_out.add", rows, at=visit.at)


def _as_json(column_map: Mapping[str, str]) -> str:
    return json.dumps(dict(column_map), ensure_ascii=False)


def _list_made_sure(visit: Transaction, list_name: str, is_sample: bool) -> int:
    if visit.row("list.find", list_name=list_name) is None:
        visit.run("list.add", list_name=list_name, at=visit.at)
    list_id = list_id_of(visit, list_name)
    if is_sample:  # a list that took one sample file stays marked
        visit.run("list.mark_sample", list_id=list_id)
    return list_id


def _add_rejects(visit: Transaction, import_id: int, rows: pd.DataFrame) -> int:
    rejects = rows[rows["reason"].notna()][["row_number", "reason", "raw_line"]].assign(import_id=import_id)
    return visit.run_staged("import.add_rejects", rejects)


def _reject_reasons(visit: Transaction, import_id: int) -> dict[str, int]:
    return {row["reason"]: row["row_count"] for row in visit.rows("import.reject_reasons", import_id=import_id)}


def _add_file(
    visit: Transaction,
    import_id: int,
    kind: str,
    list_id: int | None,
    source: SourceFile,
    row_count: int,
    fates: Mapping[str, int],
) -> None:
    if sum(fates.values()) != row_count:
        raise StoreError(f"{source.file_name}: {row_count} rows, but fates {dict(fates)} add up to another number")
    counts: dict[str, Any] = {f"{fate}_count": fates[fate] for fate in FATES}
    visit.run(
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
        is_sample=source.is_sample,
        row_count=row_count,
        at=visit.at,
        **counts,
    )
