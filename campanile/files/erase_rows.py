"""Erase one person from files: rows of text files and of Parquet files, and whole files of other kinds."""

# Annotations stay text: evaluated, they keep DuckDB's types alive, and each process would end with "leaked" objects.
from __future__ import annotations

import codecs
import gzip
import re
import zipfile
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import duckdb

from campanile.files.atomic_write import written_whole
from campanile.sms.numbers.written_forms import bytes_pattern, number_pattern

#: Suffixes of files whose lines are rows.
_TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".jsonl", ".log"})
_PACKED_SUFFIXES = frozenset({".xlsx", ".xlsm", ".ods", ".zip"})
#: A record with a quoted line break goes on until its quotation marks are even, but no longer.
_LONGEST_RECORD_LINES = 100
_PART_BYTES = 1 << 20
_OVERLAP_BYTES = 256
#: The text of a message in a query or in JSON.
_TEXT_VALUE = re.compile(rb"""((?:text|body|message|content)(?:=|%3D|\\?":\s*\\?"))([^&"\\\s]*)""", re.IGNORECASE)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Erasure(StrEnum):
    """What was done with a file."""

    NOTHING = "nothing"
    REWRITTEN = "rewritten"
    DELETED = "deleted"


def erase_from_file(path: Path, msisdn: str) -> Erasure:
    """Remove the rows with a number from a file, or delete the file if its kind does not allow that.

    Rows of text and Parquet files are removed; all other rows keep their bytes. Any other file with the number is
    deleted.
    """
    if path.suffix.lower() == ".parquet":
        return _erase_from_parquet(path, msisdn)
    if not holds_number(path, msisdn):
        return Erasure.NOTHING
    if path.suffix.lower() not in _TEXT_SUFFIXES:
        path.unlink()
        return Erasure.DELETED
    content = path.read_bytes()
    encoding = "utf-16" if content.startswith(_UTF16) else None
    plain = content.decode(encoding).encode() if encoding else content
    pattern = bytes_pattern(msisdn)
    kept = b"".join(record for record in _records(plain) if not pattern.search(record))
    with written_whole(path) as temporary:
        temporary.write_bytes(kept.decode().encode(encoding) if encoding else kept)
    return Erasure.REWRITTEN


def holds_number(path: Path, msisdn: str) -> bool:
    """Return whether a file contains a number, in any usual form: in its bytes, or in those of its packed parts."""
    pattern, suffix = bytes_pattern(msisdn), path.suffix.lower()
    if suffix == ".parquet":
        return _count_in_parquet(path, msisdn) > 0
    try:
        if suffix in _PACKED_SUFFIXES and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                return any(pattern.search(packed.read(name)) for name in packed.namelist())
        if suffix == ".gz":
            with gzip.open(path) as packed_file:
                return _search(iter(lambda: packed_file.read(_PART_BYTES), b""), pattern)
    except (OSError, EOFError, zipfile.BadZipFile):
        pass  # a damaged archive is searched as it is
    with path.open("rb") as file:
        begins = file.read(2)
        file.seek(0)
        parts = iter(lambda: file.read(_PART_BYTES), b"")
        is_utf16 = begins in _UTF16 or suffix == ".xls"
        return _search((part.replace(b"\0", b"") for part in parts) if is_utf16 else parts, pattern)


def _search(parts: Iterator[bytes], pattern: re.Pattern[bytes]) -> bool:
    rest = b""
    for part in parts:
        if pattern.search(rest + part):
            return True
        rest = part[-_OVERLAP_BYTES:]
    return False


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the records of a text file with their line ends; a quoted line break does not end a record."""
    lines = content.splitlines(keepends=True)
    position = 0
    while position < len(lines):
        end, quotes = position + 1, lines[position].count(b'"')
        while quotes % 2 and end < len(lines) and end - position < _LONGEST_RECORD_LINES:
            quotes += lines[end].count(b'"')
            end += 1
        if quotes % 2:  # a lone quotation mark
            end = position + 1
        yield b"".join(lines[position:end])
        position = end


def _erase_from_parquet(path: Path, msisdn: str) -> Erasure:
    if not _count_in_parquet(path, msisdn):
        return Erasure.NOTHING
    with written_whole(path) as temporary, duckdb.connect(":memory:") as connection:
        found = connection.read_parquet(str(path)).set_alias("found")
        kept = found.filter(f"NOT {_HOLDS.format(pattern=_literal(number_pattern(msisdn)))}")
        kept.write_parquet(str(temporary), compression="zstd")
    return Erasure.REWRITTEN


_HOLDS = "regexp_matches(CAST(found AS VARCHAR), {pattern})"


def _count_in_parquet(path: Path, msisdn: str) -> int:
    with duckdb.connect(":memory:") as connection:
        found = connection.read_parquet(str(path)).set_alias("found")
        return len(found.filter(_HOLDS.format(pattern=_literal(number_pattern(msisdn)))).fetchall())


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def blank_in_place(path: Path, msisdn: str) -> Erasure:
    """Blank a number and the text beside it in the lines of a file whose readers keep byte positions.

    Digits become 0, texts become x, and no byte moves.
    """
    pattern, is_changed = bytes_pattern(msisdn), False
    with path.open("r+b") as file:
        while line := file.readline():
            if not pattern.search(line):
                continue
            blank = pattern.sub(lambda found: re.sub(rb"(?<!%)[0-9]", b"0", found[0]), line)
            blank = _TEXT_VALUE.sub(lambda found: found[1] + b"x" * len(found[2]), blank)
            end = file.tell()
            file.seek(end - len(line))
            file.write(blank)
            file.seek(end)
            is_changed = True
    return Erasure.REWRITTEN if is_changed else Erasure.NOTHING
