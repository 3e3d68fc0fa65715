"""The hidden rows and the number formats of a sheet of Excel 97 to 2003: BIFF8 records in a compound file.

The records are those of [MS-XLS], the compound file is that of [MS-CFB]. A workbook in an older form than BIFF8 tells
neither: it is refused.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from campanile.files.parsing.locales import Locale
from campanile.files.parsing.number_formats import GENERAL, built_in_code
from campanile.files.parsing.sheet_details import RowDetails, SheetDetails
from campanile.sms.errors import ContactFileError

_HEAD = bytes.fromhex("D0CF11E0A1B11AE1")
_SECTORS = 0xFFFFFFFA  # the first of the special sector numbers
_MAX_SECTORS = 1 << 21
_BOF, _END, _SHEET, _FORMAT, _XF, _ROW, _MULTIPLE = 0x0809, 0x0A, 0x85, 0x041E, 0xE0, 0x0208, 0xBD
_CELLS = frozenset({0x0203, 0x027E, 0x06, 0xFD, 0x0204, 0x0205})  # number, rk, formula, two kinds of text, boolean
_BIFF8, _HIDDEN = 0x0600, 0x20


class _Record(NamedTuple):
    code: int
    body: bytes


def xls_details(content: bytes, sheet: str, locale: Locale) -> SheetDetails:
    """Return the details of a sheet of an ``.xls``.

    Raises:
        ContactFileError: they cannot be told.
    """
    try:
        stream = _workbook_stream(content)
        front = list(_records(stream, 0))
        if not front or struct.unpack_from("<H", front[0].body)[0] != _BIFF8:
            raise ValueError("no BIFF8")
        start = next(start for name, start in map(_sheet_start, _of(front, _SHEET)) if name == sheet)
        return SheetDetails(iter(_rows(stream, start, _codes(front, locale))))
    except (ValueError, struct.error, IndexError, StopIteration) as error:
        raise ContactFileError(
            "its hidden rows and its number formats cannot be told in this form of .xls: save it as .xlsx"
        ) from error


def _rows(stream: bytes, start: int, codes: dict[int, str | None]) -> list[RowDetails]:
    rows: dict[int, RowDetails] = {}
    for record in _records(stream, start):
        if record.code == _ROW:
            row, flags = struct.unpack_from("<H10xH", record.body)
            if flags & _HIDDEN:
                rows.setdefault(row, RowDetails(row + 1)).is_hidden = True
        elif record.code in _CELLS or record.code == _MULTIPLE:
            row, column = struct.unpack_from("<HH", record.body)
            ends = len(record.body) - 2 if record.code == _MULTIPLE else 6
            for step, position in enumerate(range(4, ends, 6)):
                (style,) = struct.unpack_from("<H", record.body, position)
                if style in codes:
                    rows.setdefault(row, RowDetails(row + 1)).codes[column + step] = codes[style]
    return [rows[row] for row in sorted(rows)]


def _codes(front: list[_Record], locale: Locale) -> dict[int, str | None]:
    own = dict(map(_format, _of(front, _FORMAT)))
    numbers = [struct.unpack_from("<2xH", body)[0] for body in _of(front, _XF)]
    codes = (built_in_code(number, locale) if number in _LOCAL else own.get(number) for number in numbers)
    found = (code or built_in_code(number, locale) for code, number in zip(codes, numbers, strict=True))
    return {style: code for style, code in enumerate(found) if code != GENERAL}


_LOCAL = frozenset({14, 22})  # dates in the reader's own form, whatever the file says


def _format(body: bytes) -> tuple[int, str]:
    number, size, flags = struct.unpack_from("<HHB", body)
    return number, body[5:].decode("utf-16-le", "replace")[:size] if flags & 1 else body[5 : 5 + size].decode("latin-1")


def _sheet_start(body: bytes) -> tuple[str, int]:
    start, size, flags = struct.unpack_from("<I2xBB", body)
    return body[8:].decode("utf-16-le", "replace")[:size] if flags & 1 else body[8 : 8 + size].decode("latin-1"), start


def _of(records: list[_Record], code: int) -> list[bytes]:
    return [record.body for record in records if record.code == code]


def _records(stream: bytes, position: int) -> Iterator[_Record]:
    """Yield the records of one part of a workbook, from its start to its end; parts inside it (charts) are left out."""
    depth = 0
    while position + 4 <= len(stream):
        code, size = struct.unpack_from("<HH", stream, position)
        depth += (code == _BOF) - (code == _END)
        if depth <= 1:
            yield _Record(code, stream[position + 4 : position + 4 + size])
        position += 4 + size
        if depth <= 0:
            return


def _workbook_stream(content: bytes) -> bytes:
    """Return the stream ``Workbook`` of a compound file."""
    if not content.startswith(_HEAD):
        raise ValueError("no compound file")
    size = 1 << struct.unpack_from("<H", content, 30)[0]
    mini_size = 1 << struct.unpack_from("<H", content, 32)[0]
    table_count, folder_start = struct.unpack_from("<II", content, 44)
    cutoff, mini_start, _, more, _ = struct.unpack_from("<IIIII", content, 56)

    def sector(number: int) -> bytes:
        return content[(number + 1) * size : (number + 2) * size].ljust(size, b"\0")

    def numbers(data: bytes) -> list[int]:
        return list(struct.unpack(f"<{len(data) // 4}I", data))

    tables = numbers(content[76:512])
    while more < _SECTORS and len(tables) < _MAX_SECTORS:
        listed = numbers(sector(more))
        tables, more = tables + listed[:-1], listed[-1]
    chain = [next_one for table in tables[:table_count] for next_one in numbers(sector(table))]
    folder = b"".join(sector(number) for number in _chain(folder_start, chain))
    entries = [folder[position : position + 128] for position in range(0, len(folder) - 127, 128)]
    found = next(entry for entry in entries if _name(entry) == "Workbook")
    first, length = _extent(found)
    if length >= cutoff:
        return b"".join(sector(number) for number in _chain(first, chain))[:length]
    root = b"".join(sector(number) for number in _chain(_extent(entries[0])[0], chain))
    mini_chain = [n for number in _chain(mini_start, chain) for n in numbers(sector(number))]
    small = (root[number * mini_size : (number + 1) * mini_size] for number in _chain(first, mini_chain))
    return b"".join(small)[:length]


def _chain(first: int, following: list[int]) -> Iterator[int]:
    for _ in range(len(following) + 1):
        if first >= _SECTORS:
            return
        yield first
        first = following[first]
    raise ValueError("a chain of sectors without an end")


def _name(entry: bytes) -> str:
    size = struct.unpack_from("<H", entry, 64)[0]
    return entry[: max(size - 2, 0)].decode("utf-16-le", "replace")


def _extent(entry: bytes) -> tuple[int, int]:
    first, length = struct.unpack_from("<II", entry, 116)
    return first, length
