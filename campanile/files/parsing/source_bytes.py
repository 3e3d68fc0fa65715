"""A file's bytes, unpacked when it is gzip: whole, within a size, or refused."""

import errno
import gzip
import hashlib
import io
import os
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from campanile.sms.errors import ContactFileError

TEXT_SUFFIXES: tuple[str, ...] = (".csv", ".tsv", ".txt")
PACKED_SUFFIXES: tuple[str, ...] = tuple(f"{suffix}.gz" for suffix in TEXT_SUFFIXES)
WORKBOOK_SUFFIXES: tuple[str, ...] = (".xlsx", ".xls", ".ods")
ALLOWED_SUFFIXES: tuple[str, ...] = TEXT_SUFFIXES + PACKED_SUFFIXES + WORKBOOK_SUFFIXES

_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes to read; size and hash are of the file as it lies there, packed or not."""

    data: bytes
    size_bytes: int
    sha256: str


def display_name(path: Path) -> str:
    """Return a file's name as one printable line."""
    name = os.fsencode(path.name).decode("utf-8", errors="replace")
    return "".join(character if character.isprintable() else "?" for character in name)


def is_workbook(path: Path) -> bool:
    """Tell by its name whether a file is a workbook."""
    return path.suffix.lower() in WORKBOOK_SUFFIXES


def size_text(size_bytes: int) -> str:
    """Return a size as a person reads it, never as digits enough for a telephone number; 1 MB is 1024 * 1024 bytes."""
    return f"{size_bytes} bytes" if size_bytes < 100_000 else f"{size_bytes / 1024 / 1024:,.1f} MB"


def open_plain(path: Path) -> IO[bytes]:
    """Open a regular file to read its bytes; what is a link now, or anything but a file, is not opened.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
    return open(descriptor, "rb")


def read_content(path: Path, max_bytes: int) -> Content:
    """Return what a file holds.

    Raises:
        ContactFileError: its name, its kind or its size is not allowed, or it cannot be read.
    """
    name = path.name.lower()
    if not name.endswith(ALLOWED_SUFFIXES):
        raise ContactFileError(f"the name ends in {path.suffix!r}; allowed: {', '.join(ALLOWED_SUFFIXES)}")
    if path.exists() and not path.is_file():
        raise ContactFileError(f"it is no regular file; needed: one of {', '.join(ALLOWED_SUFFIXES)}")
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(min(size, max_bytes) + 1)
    except OSError as error:
        raise ContactFileError(f"it cannot be opened: {error.strerror}") from error
    if len(data) > max_bytes:
        raise ContactFileError(f"it has {size_text(size)}; allowed: up to {size_text(max_bytes)}")
    sha256 = hashlib.sha256(data).hexdigest()
    if name.endswith(PACKED_SUFFIXES):
        data = _unpack(data, max_bytes)
    if not data.strip():
        raise ContactFileError(f"it is empty ({size} bytes); needed: a line of column names and at least one row")
    return Content(data, size, sha256)


def _unpack(packed: bytes, max_bytes: int) -> bytes:
    data = bytearray()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            while len(data) <= max_bytes and (block := file.read(_BLOCK)):
                data += block
    except (OSError, EOFError, zlib.error) as error:
        raise ContactFileError("it is damaged, or no gzip file: pack it again, or send it unpacked") from error
    if len(data) > max_bytes:
        raise ContactFileError(
            f"it has more than {size_text(max_bytes)} once unpacked; allowed: up to {size_text(max_bytes)}"
        )
    return bytes(data)
