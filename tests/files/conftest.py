"""Real files in a temporary folder: text in any encoding, and workbooks of three makes."""

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.sax.saxutils import escape

import duckdb
import openpyxl
import pandas as pd
import pytest

from campanile.files.parsing.column_aliases import ACTIVITY_DAYS
from campanile.files.parsing.csv_record import is_blank, split_record
from campanile.files.parsing.read_table import Reading, read_cells
from campanile.files.parsing.stage import StagedFile, StagingRequest, stage_contact_file
from campanile.files.rejects import STRUCTURE_WORDS

Rows = Sequence[Sequence[object]]


@pytest.fixture
def text_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a text file; bytes are written as they are."""

    def write(content: str | bytes, name: str = "clients.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.fixture
def workbook_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a workbook of one sheet, ``Feuil1``, in the make that the name's end says."""

    def write(rows: Rows, name: str = "clients.xlsx", **extras: Any) -> Path:
        path = tmp_path / name
        path.write_bytes(MAKES[path.suffix](rows, **extras))
        return path

    return write


@dataclass(frozen=True)
class ReadFile:
    """A staged file, and its rows in memory.

    Attributes:
        staged: what the file became.
        frame: one row a row, keyed and ordered by ``row_number``: ``raw_line``, ``raw_number``, ``structure_reason``,
            then a text column per merge field, "" if empty. A row with a ``structure_reason`` has its text in
            ``raw_line`` only.
        rejects: bytes of the file to hand back.
    """

    staged: StagedFile
    frame: pd.DataFrame
    rejects: bytes | None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.staged, name)


@pytest.fixture(scope="session")
def read_contact_file() -> Callable[..., ReadFile]:
    """Stage a file in this process and give its rows."""
    return _read


def _read(path: Path, **options: Any) -> ReadFile:
    with TemporaryDirectory() as staging, TemporaryDirectory() as reading:
        staged = stage_contact_file(StagingRequest(path, Path(staging), "FR", None, **options))
        frame = _read_frame(StagingRequest(path, Path(reading), "FR", None, **options))
        with duckdb.connect(":memory:") as engine:
            valid = engine.read_parquet(str(staged.rows)).fetchall()
            rejected = engine.read_parquet(str(staged.rejected)).fetchall()
        rejects = staged.rejects_file.read_bytes() if staged.rejects_file else None
    assert sorted([row[0] for row in valid] + [row[0] for row in rejected]) == frame["row_number"].tolist()
    by_number = frame.set_index("row_number")
    for row_number, _, _, fields in valid:
        filled = {name: text for name, text in by_number.loc[row_number].iloc[3:].items() if text}
        filled |= {name: day for name, day in json.loads(fields).items() if name in ACTIVITY_DAYS.values()}
        assert fields == json.dumps(filled, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    for row_number, reason, raw_line in rejected:
        assert raw_line == by_number.loc[row_number, "raw_line"]
        assert (reason if reason in STRUCTURE_WORDS else None) == by_number.loc[row_number, "structure_reason"]
    return ReadFile(staged, frame, rejects)


def _read_frame(request: StagingRequest) -> pd.DataFrame:
    reading = read_cells(request, lambda _: None)
    fields = {field: f"c{position}" for position, field in reading.layout.fields.items() if field != "msisdn"}
    texts = "".join(f", coalesce(field({column}), '') AS \"{field}\"" for field, column in fields.items())
    engine = reading.table.engine
    sound = engine.execute(
        f"SELECT ordinal, raw_line, coalesce(unguard(c{reading.layout.number}), ''), NULL{texts} "
        "FROM cells JOIN raw_lines USING (ordinal) ORDER BY ordinal"
    ).fetchall()
    kept = [(int(reading.row_numbers[row[0]]), *row[1:]) for row in sound if not is_blank(split(row[1], reading))]
    broken = engine.execute("SELECT row_number, raw_line, '', reason FROM broken").fetchall()
    engine.close()
    names = ["row_number", "raw_line", "raw_number", "structure_reason", *fields]
    rows = sorted([*kept, *([*row, *[""] * len(fields)] for row in broken)], key=lambda row: row[0])
    return pd.DataFrame(rows, columns=names, dtype=object)


def split(raw_line: str, reading: Reading) -> list[str]:
    return split_record(raw_line, reading.line_delimiter)


def make_xlsx(rows: Rows) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Feuil1"
    for row in rows:
        sheet.append(list(row))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def make_ods(rows: Rows) -> bytes:
    def cell(value: object) -> str:
        if isinstance(value, int | float):
            return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
        text = escape(str(value or ""))
        return f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'

    table = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    space = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<office:document-content xmlns:office="{space}:office:1.0" xmlns:table="{space}:table:1.0" '
        f'xmlns:text="{space}:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="Feuil1">{table}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("content.xml", content)
        book.writestr("META-INF/manifest.xml", "<manifest/>")
    return buffer.getvalue()


def make_xls(
    rows: Rows, hidden: Sequence[int] = (), codes: Mapping[tuple[int, int], str] | None = None, state: int = 0
) -> bytes:
    """Return the least that Excel 97 calls a workbook: BIFF8 records in a compound file.

    Args:
        rows: of its sheet ``Feuil1``.
        hidden: rows that are, from 1.
        codes: (row, column), from 0 -> the number format of that cell.
        state: 1: the sheet is hidden, and one more, ``Feuil2``, with the same rows, is not.
    """
    styles = {position: style for style, position in enumerate(codes or {}, start=1)}

    def record(code: int, body: bytes) -> bytes:
        return struct.pack("<HH", code, len(body)) + body

    def start(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 0x07CC, 0, 6))

    def cell(row: int, column: int, value: object) -> bytes:
        if isinstance(value, int | float):
            return record(0x0203, struct.pack("<HHHd", row, column, styles.get((row, column), 0), value))
        text = str(value or "")
        return record(0x0204, struct.pack("<HHHHB", row, column, 0, len(text), 1) + text.encode("utf-16-le"))

    def sheet_name(offset: int, name: str, state: int) -> bytes:
        return record(0x85, struct.pack("<IBBBB", offset, state, 0, len(name), 0) + name.encode("ascii"))

    def front(offset: int, size: int) -> bytes:
        formats = b"".join(
            record(0x041E, struct.pack("<HHB", 163 + style, len(code), 1) + code.encode("utf-16-le"))
            for style, code in enumerate((codes or {}).values(), start=1)
        )
        numbers = [0, *(163 + style for style in styles.values())]
        kinds = b"".join(record(0xE0, struct.pack("<HH16x", 0, number)) for number in numbers)
        names = [sheet_name(offset, "Feuil1", state)]
        names += [sheet_name(offset + size, "Feuil2", 0)] if state else []
        start_of_book = start(5) + record(0x42, struct.pack("<H", 1200))
        return start_of_book + formats + kinds + b"".join(names) + record(0x0A, b"")

    shown = b"".join(record(0x0208, struct.pack("<H10xHH", row - 1, 0x20, 0)) for row in hidden)
    cells = b"".join(cell(r, c, value) for r, row in enumerate(rows) for c, value in enumerate(row))
    sheet = start(0x10) + shown + cells + record(0x0A, b"")
    offset = len(front(0, 0))
    return compound_file(front(offset, len(sheet)) + sheet * (2 if state else 1))


def compound_file(stream: bytes) -> bytes:
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    free, end, own = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    chain = [own, end, *range(3, len(stream) // 512 + 2), end]
    table = chain + [free] * (128 - len(chain))

    def entry(name: str, kind: int, child: int, first: int, size: int) -> bytes:
        wide = name.encode("utf-16-le") + b"\0\0"
        rest = struct.pack("<HBBIII", len(wide), kind, 1, free, free, child) + bytes(36)
        return wide.ljust(64, b"\0") + rest + struct.pack("<IQ", first, size)

    folder = (entry("Root Entry", 5, 1, end, 0) + entry("Workbook", 2, free, 2, len(stream))).ljust(512, b"\0")
    head = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<10I", 0, 1, 1, 0, 4096, end, 0, end, 0, 0) + b"\xff" * 4 * 108
    return head + struct.pack("<128I", *table) + folder + stream


MAKES: dict[str, Callable[..., bytes]] = {".xlsx": make_xlsx, ".ods": make_ods, ".xls": make_xls}
