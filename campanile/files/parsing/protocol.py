"""What is asked of the parser and what it answers: plain values that go to a child process and back as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from campanile.files.parsing.consent_columns import ConsentCount

MAX_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StagingRequest:
    """A contact file to read, and where to put what it holds.

    Attributes:
        path: a text (``.csv``, ``.tsv``, ``.txt``, or one of them and ``.gz``) or a workbook (``.xlsx``, ``.xls``,
            ``.ods``).
        folder: existing, empty and the caller's own; results and temporary files are written there.
        region: where numbers that name no country are read.
        allowed: territories; None allows all.
        columns: our field -> column of the file, such as ``{"msisdn": "Tel 2"}``; overrides the tables of names.
        is_remembered: ``columns`` are those remembered for the list, which do not bind a file that has them not.
        sheet: of a workbook; None is its first.
        encoding: of a text; None decides by the bytes.
        header_row: the line of the header, from 1; None finds it.
        is_header_row_remembered: it is the one remembered for the list, which does not bind a file where that line
            names no number column.
        hidden_rows: of a workbook: ``leave_out`` rejects them, ``keep`` reads them like all others.
        repairs_text: put right what was broken before the file was made, ``ZoÃ©`` for ``Zoé``.
        max_bytes: a larger file is refused, packed or unpacked.
        number_names: header keys of the number column that come before the usual ones, the first one first.
    """

    path: Path
    folder: Path
    region: str
    allowed: tuple[str, ...] | None
    columns: Mapping[str, str] | None = None
    sheet: str | None = None
    encoding: str | None = None
    header_row: int | None = None
    is_header_row_remembered: bool = False
    hidden_rows: str = "leave_out"
    repairs_text: bool = False
    max_bytes: int = MAX_BYTES
    is_remembered: bool = False
    number_names: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, line: str) -> "StagingRequest":
        """Return what ``to_json`` wrote."""
        values = json.loads(line)
        allowed = None if values["allowed"] is None else tuple(values["allowed"])
        paths = {name: Path(values[name]) for name in ("path", "folder")}
        names = {"number_names": tuple(values["number_names"])}
        return cls(**(values | paths | names | {"allowed": allowed}))


@dataclass(frozen=True, slots=True)
class StagedFile:
    """What was found in a file: each row that is not blank is valid, or rejected with one reason.

    Attributes:
        file_name: its last part, as one printable line.
        size_bytes: of the file itself, packed or not; so is ``sha256``.
        encoding: the codec that read it; None for workbooks.
        delimiter: of its cells; None for workbooks.
        sheet: the one read; None for text.
        header: its column names in order, without those that a rejects file adds.
        column_map: column name -> our field; columns with neither name nor content are left out.
        row_count: valid and rejected rows.
        reject_reasons: code -> rows, most first; the codes are keys of ``rejects.REJECT_WORDS``.
        reject_examples: code -> its first rows, at most three, numbers masked, printable.
        rows: Parquet, one row a valid row, keyed by ``row_number`` (its first line, or its row in the sheet, from 1:
            the header counts), in no order: ``number_id`` (E.164 digits), ``territory``, and ``fields``, the filled
            merge fields as compact JSON with sorted keys.
        rejected: Parquet, one row a rejected row, keyed and ordered by ``row_number``: ``reason``, ``raw_line``.
        rejects_file: the CSV to hand back; None when nothing is rejected.
        consent: what each consent or opt-out column says of the valid rows.
        unread_consent: columns that look like one and are not known.
        notes: what a person should know of how it was read, a sentence each.
    """

    file_name: str
    size_bytes: int
    sha256: str
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    header: tuple[str, ...]
    column_map: dict[str, str]
    row_count: int
    reject_reasons: dict[str, int]
    reject_examples: dict[str, tuple[str, ...]]
    rows: Path
    rejected: Path
    rejects_file: Path | None
    consent: tuple[ConsentCount, ...] = ()
    unread_consent: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, line: str) -> "StagedFile":
        """Return what ``to_json`` wrote."""
        values = json.loads(line)
        values |= {name: tuple(values[name]) for name in ("header", "unread_consent", "notes")}
        values["consent"] = tuple(
            ConsentCount(**(count | {"unreadable_examples": tuple(count["unreadable_examples"])}))
            for count in values["consent"]
        )
        values["reject_examples"] = {code: tuple(texts) for code, texts in values["reject_examples"].items()}
        paths = {name: Path(values[name]) for name in ("rows", "rejected", "rejects_file") if values[name]}
        return cls(**(values | paths))
