"""Bytes to text, once, and never a wrong letter in a message.

A byte-order mark or clean UTF-8 decides by itself; what is left is Windows' cp1252, read strictly. A text that
cp1252 would turn into "Ã©" (mostly UTF-8, with a few other bytes) or cannot read is refused and asks for
``encoding=``.
"""

import codecs

from sms.errors import ContactFileError

BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WORKBOOK_MAGIC: tuple[bytes, ...] = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
ASK_ENCODING = "give encoding=, such as 'utf-8', 'utf-16-le', 'cp1252', 'iso-8859-15', 'cp850' or 'mac_roman'"

_HIGH_BYTES = bytes(range(0x80, 0x100))
_NO_LETTER = "\ufffd"


def decode_text(content: bytes, encoding: str | None = None) -> tuple[str, str]:
    r"""Return the text, each line ending in ``\n``, and the codec that read it.

    Raises:
        ContactFileError: no codec is certain, or the one given does not fit.
    """
    if content.startswith(WORKBOOK_MAGIC):
        raise ContactFileError("named as text, but it is a workbook or an archive: name it .xlsx, .xls or .ods")
    text, used = _decode_with(content, encoding) if encoding else _decode_by_evidence(content)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text.lstrip("\n").partition("\n")[0]:
        raise ContactFileError(f"its first line holds NUL characters (UTF-16 without its mark?): {ASK_ENCODING}")
    return text, used


def _decode_with(content: bytes, encoding: str) -> tuple[str, str]:
    try:
        return content.decode(encoding), codecs.lookup(encoding).name
    except LookupError as error:
        raise ContactFileError(f"encoding {encoding!r} does not exist: {ASK_ENCODING}") from error
    except ValueError as error:
        raise ContactFileError(f"it is not {encoding!r}: {_place(error)}; {ASK_ENCODING}") from error


def _decode_by_evidence(content: bytes) -> tuple[str, str]:
    marked = next((codec for bom, codec in BOMS if content.startswith(bom)), None)
    if marked:
        return _decode_with(content, marked)[0], marked
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return _decode_cp1252(content), "cp1252"


def _decode_cp1252(content: bytes) -> str:
    as_utf8 = content.decode("utf-8", errors="replace")
    strays = as_utf8.count(_NO_LETTER)
    accents = len(as_utf8) - len(content.translate(None, _HIGH_BYTES)) - strays
    if accents > strays:
        raise ContactFileError(
            f"it mixes UTF-8 with something else, or was cut in the middle of a letter: {ASK_ENCODING}"
        )
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as error:
        raise ContactFileError(f"it is neither UTF-8 nor cp1252: {_place(error)}; {ASK_ENCODING}") from error


def _place(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte 0x{error.object[error.start]:02X} at position {error.start}"
    return "it cannot be decoded"
