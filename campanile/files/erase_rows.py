"""Erase one person from files: rows of text files and of Parquet files, and whole files of other kinds."""

# Annotations stay text: evaluated, they keep DuckDB's types alive, and each process would end with "leaked" objects.
from __future__ import annotations

import codecs
import gzip
import re
import zipfile
from collections.abc import Iterator, Sequence
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
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Erasure(StrEnum):
    """What was done with a file."""

    NOTHING = "nothing"
    REWRITTEN = "rewritten"
    DELETED = "deleted"


def erase_from_file(path: Path, msisdn: str, pseudonyms: Sequence[str] = ()) -> Erasure:
    """Remove the rows with a number from a file, or delete the file if its kind does not allow that.

    Rows of text and Parquet files are removed; all other rows keep their bytes. Any other file with the number is
    deleted.

    Args:
        path: the file.
        msisdn: the number, E.164.
        pseudonyms: what stands for the number in rows without it: letters and digits only.
    """
    if path.suffix.lower() == ".parquet":
        return _erase_from_parquet(path, msisdn, pseudonyms)
    if not holds_number(path, msisdn, pseudonyms):
        return Erasure.NOTHING
    if path.suffix.lower() not in _TEXT_SUFFIXES:
        path.unlink()
        return Erasure.DELETED
    content = path.read_bytes()
    encoding = "utf-16" if content.startswith(_UTF16) else None
    plain = content.decode(encoding).encode() if encoding else content
    pattern = _bytes_pattern(msisdn, pseudonyms)
    kept = b"".join(record for record in _records(plain) if not pattern.search(record))
    with written_whole(path) as temporary:
        temporary.write_bytes(kept.decode().encode(encoding) if encoding else kept)
    return Erasure.REWRITTEN


def holds_number(path: Path, msisdn: str, pseudonyms: Sequence[str] = ()) -> bool:
    """Return whether a file contains a number, in any usual form: in its bytes, or in those of its packed parts."""
    pattern, suffix = _bytes_pattern(msisdn, pseudonyms), path.suffix.lower()
    if suffix == ".parquet":
        return _count_in_parquet(path, _holds(msisdn, pseudonyms)) > 0
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


def _bytes_pattern(msisdn: str, pseudonyms: Sequence[str]) -> re.Pattern[bytes]:
    own = bytes_pattern(msisdn)
    return re.compile(b"|".join([own.pattern, *map(str.encode, pseudonyms)])) if pseudonyms else own


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


def _erase_from_parquet(path: Path, msisdn: str, pseudonyms: Sequence[str]) -> Erasure:
    condition = _holds(msisdn, pseudonyms)
    if not _count_in_parquet(path, condition):
        return Erasure.NOTHING
    with written_whole(path) as temporary, duckdb.connect(":memory:") as connection:
        found = connection.read_parquet(str(path)).set_alias("found")
        kept = found.filter(f"NOT {condition}")
        kept.write_parquet(str(temporary), compression="zstd")
    return Erasure.REWRITTEN


def _holds(msisdn: str, pseudonyms: Sequence[str]) -> str:
    """Return the condition of DuckDB for rows with the number or a pseudonym."""
    pattern = "|".join([number_pattern(msisdn), *pseudonyms]).replace("'", "''")
    return f"regexp_matches(CAST(found AS VARCHAR), '{pattern}')"


def _count_in_parquet(path: Path, condition: str) -> int:
    with duckdb.connect(":memory:") as connection:
        return len(connection.read_parquet(str(path)).set_alias("found").filter(condition).fetchall())
