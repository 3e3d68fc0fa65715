"""Bytes to text, once, and never a wrong letter in a message.

A byte-order mark or clean UTF-8 decides by itself, and so do the zero bytes of UTF-16; what is left is told from
its letters (``encoding_guess``). A text that is none of these for certain is refused and asks for ``encoding=``.
"""

import codecs
import re
from collections.abc import Iterator

from campanile.files.parsing.encoding_guess import can_be_single_byte, choose_single_byte
from campanile.sms.errors import ContactFileError

BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WORKBOOK_MAGIC: tuple[bytes, ...] = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
ASK_ENCODING = (
    "give encoding=, such as 'utf-8', 'utf-16-le', 'cp1252', 'cp1250', 'cp1251', 'iso-8859-15', 'cp850' or 'mac_roman'"
)

_BLOCK = 8 * 1024 * 1024
_SAMPLE = 64 * 1024
_USUAL_UTF8 = re.compile(rb"[\xc2-\xc5][\x80-\xbf]|[\xe0-\xf4][\x80-\xbf]{2}")  # Latin, or too long for chance
_NO_LETTER = "\ufffd"


def choose_codec(content: bytes, encoding: str | None = None) -> str:
    """Return the name of the codec that reads a text, the one given or the one that its bytes show.

    Raises:
        ContactFileError: no codec is certain, or the one given does not fit.
    """
    if content.startswith(WORKBOOK_MAGIC):
        raise ContactFileError("named as text, but it is a workbook or an archive: name it .xlsx, .xls or .ods")
    if encoding:
        return _given_codec(encoding)
    marked = next((codec for bom, codec in BOMS if content.startswith(bom)), None)
    if marked or (content.isascii() and b"\0" not in content[:_SAMPLE]):
        return marked or "utf-8"
    wide = _wide_codec(content[:_SAMPLE])
    if wide and _is_decoded(content, wide):
        return wide
    if _is_decoded(content, "utf-8"):
        _check_utf8(content)
        return "utf-8"
    _check_not_mixed(content)
    return choose_single_byte(content, ASK_ENCODING)


def read_blocks(content: bytes, codec: str) -> Iterator[bytes]:
    r"""Yield a text as UTF-8, every line ending in ``\n``, the last one too; without its byte-order mark.

    Raises:
        ContactFileError: the codec does not fit.
    """
    held, is_first = b"", True
    for text in _decoded(content, codec):
        block = held + (text.removeprefix("\ufeff") if is_first and text else text).encode()
        is_first = is_first and not text
        held = block[-1:] if block.endswith(b"\r") else b""
        yield block[: len(block) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    yield b"\n"


def _decoded(content: bytes, codec: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)()
    for start in range(0, len(content), _BLOCK):
        pending = len(decoder.getstate()[0])
        try:
            yield decoder.decode(content[start : start + _BLOCK], start + _BLOCK >= len(content))
        except ValueError as error:
            location = _location(error, start - pending)
            raise ContactFileError(f"it is not {codec!r}: {location}; {ASK_ENCODING}") from error


def _given_codec(encoding: str) -> str:
    try:
        b"".decode(encoding)
        codec = codecs.lookup(encoding).name
        codecs.getincrementaldecoder(codec)
    except LookupError as error:
        raise ContactFileError(f"encoding {encoding!r} does not exist: {ASK_ENCODING}") from error
    return codec


def _wide_codec(sample: bytes) -> str | None:
    """Return the UTF-16 whose zero bytes a sample shows: nearly half of a Western text, all on the same side."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) < len(sample) / 4 or min(even, odd) > max(even, odd) / 16:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_decoded(content: bytes, codec: str) -> bool:
    try:
        return all("\0" not in text or codec == "utf-8" for text in _decoded(content, codec))
    except ContactFileError:
        return False


def _check_utf8(content: bytes) -> None:
    """Refuse what is UTF-8 by its bytes and hardly by its letters: ``Íñigo`` in cp850 is one accent of Hebrew."""
    if not content.isascii() and not _USUAL_UTF8.search(content) and can_be_single_byte(content):
        raise ContactFileError(f"it could be UTF-8 in a rare script, or an older encoding: {ASK_ENCODING}")


def _check_not_mixed(content: bytes) -> None:
    """Refuse what is UTF-8 for the larger part: any other codec would turn it into ``Ã©``."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    strays = accents = 0
    for start in range(0, len(content), _BLOCK):
        text = decoder.decode(content[start : start + _BLOCK])
        ascii_length = len(text.encode("ascii", errors="ignore"))
        strays += text.count(_NO_LETTER)
        accents += len(text) - ascii_length
    if accents - strays > strays:
        raise ContactFileError(
            f"it mixes UTF-8 with something else, or was cut in the middle of a letter: {ASK_ENCODING}"
        )


def _location(error: ValueError, start: int) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte 0x{error.object[error.start]:02X} at position {start + error.start}"
    return "it cannot be decoded"
