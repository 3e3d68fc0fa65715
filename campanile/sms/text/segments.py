"""Encoding and segments of a text, which determine its price.

GSM-7 tables and lengths: 3GPP TS 23.038 (https://www.3gpp.org/dynareport/23038.htm) and TS 23.040. A character
of the extension table takes two septets. One character outside both tables (a lower-case ``ç``, ``ê``, a curly
quote) changes the whole text to UCS-2, counted in UTF-16 code units. Neither an escape pair nor a surrogate pair
is ever split, so a segment may have one unit less: a simple division is not enough.
"""

import re
from typing import NamedTuple

from campanile.sms.text.gsm7 import GSM7, GSM7_BASIC, GSM7_EXTENSION, PART_LENGTH, SINGLE_LENGTH, UCS2

_BASIC_TEXT = re.compile(f"[{re.escape(GSM7_BASIC)}]*")
_GSM7_TEXT = re.compile(f"[{re.escape(GSM7_BASIC + GSM7_EXTENSION)}]*")
_DOUBLE = {GSM7: re.compile(f"[{re.escape(GSM7_EXTENSION)}]"), UCS2: re.compile("[\U00010000-\U0010ffff]")}
_HALVES = "\U00010000\U00010001"  # replace a pair; the text then has no other astral characters


class Segmentation(NamedTuple):
    """Size of one text. Units are septets in ``GSM-7``, UTF-16 code units in ``UCS-2``."""

    encoding: str
    unit_count: int
    segment_count: int


def count_segments(text: str) -> Segmentation:
    """Return encoding, units and segments of a text as a phone network counts them.

    One segment holds 160 septets or 70 UTF-16 code units; each part of a longer text 153 or 67. An empty text
    makes none.

    >>> count_segments("Bonjour Françoise")
    Segmentation(encoding='UCS-2', unit_count=17, segment_count=1)
    """
    if _BASIC_TEXT.fullmatch(text):
        return Segmentation(GSM7, len(text), _count_parts(text, GSM7, len(text)))
    encoding = GSM7 if _GSM7_TEXT.fullmatch(text) else UCS2
    unit_count = len(text) + len(_DOUBLE[encoding].findall(text))
    return Segmentation(encoding, unit_count, _count_parts(text, encoding, unit_count))


def _count_parts(text: str, encoding: str, unit_count: int) -> int:
    if unit_count <= SINGLE_LENGTH[encoding]:
        return min(unit_count, 1)
    length = PART_LENGTH[encoding]
    fewest, most = -(-unit_count // length), -(-unit_count // (length - 1))
    # A part loses one unit at most: if both bounds are equal, the text need not be divided.
    if fewest == most or unit_count == len(text):
        return fewest
    return _lay_out(text, _DOUBLE[encoding], length)


def _lay_out(text: str, double: re.Pattern[str], length: int) -> int:
    units = double.sub(_HALVES, text)
    parts = end = 0
    while end < len(units):
        parts, end = parts + 1, end + length
        if units[end : end + 1] == _HALVES[1]:
            end -= 1
    return parts
