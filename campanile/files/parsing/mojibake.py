"""Text that was broken before its file was made: UTF-8 once read as something else, ``ZoÃ©`` for ``Zoé``.

It is correct text by its bytes, so nothing can be refused: its rows are counted and named, and a person says whether
it is repaired.
"""

import re
from collections.abc import Callable, Iterable
from mmap import mmap

import numpy as np
from numpy.typing import NDArray

from campanile.files.parsing.cell_table import CellTable
from campanile.files.parsing.sql_macros import quoted

# What UTF-8 was read as: its codec, the leads of two bytes that are looked for, those of three, and of four.
_READ_AS = (("cp1252", b"\xc2\xc3\xc4\xc5"), ("cp850", b"\xc2\xc3\xc5"), ("mac-roman", b"\xc2\xc3\xc5"))
_OF_THREE, _OF_FOUR = (b"\xe2\x80", b"\xe2\x82", b"\xe2\x84"), b"\xf0\x9f"  # quotes, dashes, € and ™; emoji
_BROKEN_TWICE = ("Æ’", "Ë†", "Ëœ")  # signs of cp1252 that stand in text that was broken twice
_NO_LETTER = "\ufffd"
_PASSES = 3  # a text may have been broken more than once
_SHOWN_ROWS, _LONGEST = 10, 40
_BLOCK = 8 * 1024 * 1024


def _char(value: int, codec: str) -> str:
    """Return what a byte was read as; what cp1252 leaves open is a control character, as everywhere."""
    try:
        return bytes([value]).decode(codec)
    except UnicodeDecodeError:
        return chr(value)


def _text(data: bytes, codec: str) -> str:
    return "".join(_char(value, codec) for value in data)


def _class(codec: str) -> str:
    # As numbers: RE2 and Python read a control character or a bracket in a class alike when it is one.
    return "[" + "".join(f"\\x{{{ord(_char(value, codec)):x}}}" for value in range(0x80, 0xC0)) + "]"


def _alternatives() -> list[str]:
    found = [*_BROKEN_TWICE]
    for codec, leads in _READ_AS:
        follow = _class(codec)
        found += [f"[{_text(leads, codec)}]{follow}"]
        found += [f"{_text(lead, codec)}{follow}" for lead in _OF_THREE]
        found += [f"{_text(_OF_FOUR, codec)}{follow}{follow}"]
    return found


def _in_bytes() -> list[bytes]:
    """Return the same as bytes of UTF-8, each alternative with its lead first, which is quick to search for."""
    found = [text.encode() for text in (*_BROKEN_TWICE, _NO_LETTER)]
    for codec, leads in _READ_AS:
        follow = b"(?:" + b"|".join(re.escape(_char(value, codec).encode()) for value in range(0x80, 0xC0)) + b")"
        starts = [bytes([lead]) for lead in leads] + [*_OF_THREE, _OF_FOUR]
        found += [re.escape(_text(start, codec).encode()) + follow for start in starts]
    return found


_IN_SQL = "|".join(_alternatives())
_PATTERN = re.compile(re.sub(r"\\x\{([0-9a-f]+)\}", lambda found: re.escape(chr(int(found[1], 16))), _IN_SQL))
_BYTES = re.compile(b"|".join(_in_bytes()))
_STARTS = [
    (_text(lead, codec) + _char(follow, codec)).encode()
    for codec, leads in _READ_AS
    for lead in (*(bytes([value]) for value in leads), *_OF_THREE, _OF_FOUR)
    for follow in range(0x80, 0xC0)
] + [text.encode() for text in (*_BROKEN_TWICE, _NO_LETTER)]
_FIRST_BYTES = np.array(sorted({start[0] for start in _STARTS}), dtype=np.uint8)
_FIRSTS, _THIRDS = np.zeros(256, dtype=np.bool_), np.zeros(256, dtype=np.bool_)
_FIRSTS[_FIRST_BYTES] = True
_THIRDS[[start[2] for start in _STARTS]] = True
_PAIRS = np.array(sorted({start[0] << 8 | start[1] for start in _STARTS}), dtype=np.int32)


def repair_text(text: str) -> str:
    """Return a text with its broken letters put right.

    >>> repair_text("ZoÃ© l\u00e2\u20ac\u2122aime, JOÃO"), repair_text("ZoÃƒÂ©")
    ('Zoé l’aime, JOÃO', 'Zoé')
    """
    for _ in range(_PASSES):
        repaired = _PATTERN.sub(_repaired, text)
        if repaired == text:
            break
        text = repaired
    return text


def is_broken(text: str) -> bool:
    """Tell whether a text has letters that were broken before."""
    return _NO_LETTER in text or _PATTERN.search(text) is not None


def may_be_broken(text: bytes | mmap) -> bool:
    """Tell by the bytes of a UTF-8 text whether something in it was broken before."""
    return any(
        _has_lead(np.frombuffer(text, np.uint8, min(_BLOCK, len(text) - start), start))
        for start in range(0, len(text), _BLOCK)
    ) and (_BYTES.search(text) is not None)


def _has_lead(block: NDArray[np.uint8]) -> bool:
    """Tell whether the first two bytes of something that ``_BYTES`` finds stand in a block: quick, and nearly never."""
    firsts = np.flatnonzero(_FIRSTS[block])
    pairs = block[firsts].astype(np.int32) << 8 | block[np.minimum(firsts + 1, len(block) - 1)]
    thirds = block[np.minimum(firsts + 2, len(block) - 1)]
    is_lead = np.isin(pairs, _PAIRS) & _THIRDS[thirds]
    return bool(is_lead.any() or (len(block) and np.isin(block[-2:], _FIRST_BYTES).any()))


def repair_lines(blocks: Iterable[bytes], count: Callable[[int], None]) -> Iterable[bytes]:
    """Yield the blocks of a UTF-8 text repaired, cut at line ends, and count the lines that were changed."""
    rest = b""
    for block in blocks:
        data = rest + block
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        yield _repair_block(data[:end], count)
    yield _repair_block(rest, count)


def repaired_words(count: int) -> str:
    """Return what a page says of lines or cells that were repaired."""
    return f"Text that was broken before this file was made was repaired in {count} places, as repair_text says."


def broken_notes(table: CellTable, names: list[str]) -> tuple[str, ...]:
    """Return what a page says of the rows whose text was broken before; the rows are numbered."""
    matches = [f"regexp_matches({cell}, {quoted(f'{_IN_SQL}|{_NO_LETTER}')})" for cell in table.columns]
    shown = " ".join(f"WHEN {match} THEN {cell}" for match, cell in zip(matches, table.columns, strict=True))
    query = f"""
        SELECT row_number, cell, count(*) OVER () FROM (
            SELECT row_number, CASE {shown} END AS cell FROM cells JOIN numbered USING (ordinal)
        ) WHERE cell IS NOT NULL ORDER BY row_number LIMIT {_SHOWN_ROWS}
    """  # noqa: S608 - no text of a file stands in a statement: columns are c0, c1 and so on
    rows = table.engine.execute(query).fetchall()
    columns = ", ".join(repr(name) for name in names if is_broken(name))
    notes = [f"⚠ Names of columns were broken before this file was made: {columns}."] if columns else []
    if rows:
        _, cell, count = rows[0]
        listed = ", ".join(str(row) for row, _, _ in rows) + (f" and {count - len(rows)} more" * (count > len(rows)))
        notes.append(
            f"⚠ {count} rows hold text that was broken before this file was made, such as {_example(cell)}. It stands "
            f"as it is: ask for a file that is saved as UTF-8, or import this one with repair_text. Rows: {listed}."
        )
    return tuple(notes)


def _example(cell: str) -> str:
    found = _PATTERN.search(cell)
    start = max(0, (found.start() if found else cell.find(_NO_LETTER)) - _LONGEST // 2)
    part = cell[start : start + _LONGEST]
    right = repair_text(part)
    return f"{part!r} (probably {right!r})" if right != part and _NO_LETTER not in right else repr(part)


def _repair_block(data: bytes, count: Callable[[int], None]) -> bytes:
    if not may_be_broken(data):
        return data
    text = data.decode()
    repaired = repair_text(text)
    if repaired != text:
        pairs = zip(text.split("\n"), repaired.split("\n"), strict=True)
        count(sum(before != after for before, after in pairs))
    return repaired.encode()


def _repaired(found: re.Match[str]) -> str:
    for codec, _ in _READ_AS:
        try:
            data = b"".join(_byte(letter, codec) for letter in found[0])
            text = data.decode()
        except ValueError:
            continue
        return text if text.isprintable() or text == "\u00a0" else found[0]
    return found[0]


def _byte(letter: str, codec: str) -> bytes:
    try:
        return letter.encode(codec)
    except UnicodeEncodeError:
        return letter.encode("latin-1")
