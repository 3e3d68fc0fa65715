"""Characters that make a text more expensive, and their replacements.

One character outside the alphabet of GSM-7 reduces a segment from 160 to 70 characters. The author of a campaign
chooses one of three levels, because a text is never changed without a request: ``off``; ``typography``, which readers
do not notice (’ → ', œ → oe, … → ...); ``accents``, which also removes accents that GSM-7 does not have (ê → e, ç → c).
Characters of GSM-7 (é è à ù ì ò Ç É ä ö ü ñ …) are never replaced.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from campanile.sms.text.gsm7 import GSM7_BASIC

LEVELS = ("off", "typography", "accents")
"""From the least to the most; each does all that the one before it does."""

MARKS = [chr(mark) for mark in range(0x0300, 0x0370)]
"""The accents that are characters of their own and go on the letter before them."""

_ALIKE = {
    "'": "‘’‚‛′‵ʹʻʼ`´‹›",
    '"': "“”„‟″«»",
    "-": "‐‑‒–—―−⁃•‣﹘﹣－",
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\v\u0085\u2028\u2029",
    # Zero-width space, word joiner, byte order mark, soft hyphen, marks of direction. Without the joiners U+200C and
    # U+200D: they hold emoji and whole scripts together.
    "": "\u200b\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    "/": "÷⁄∕",
    ".": "·․‧",
    "o": "°º",
}
_SPELT_OUT = {
    "…": "...", "‥": "..", "œ": "oe", "Œ": "OE", "ĳ": "ij", "Ĳ": "IJ", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi",
    "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "ª": "a", "ᵉ": "e", "ʳ": "r", "¹": "1", "²": "2", "³": "3", "¼": "1/4",
    "½": "1/2", "¾": "3/4", "×": "x", "®": "(R)", "©": "(C)", "™": "(TM)", "→": "->", "‼": "!!",
}  # fmt: skip
_UNMARKED = dict(zip("ÐðŊŋıƏə", "DdNniEe", strict=True)) | {"Þ": "Th", "þ": "th", "ẞ": "SS", "ŉ": "'n"}

_LATIN_BLOCKS = [*range(0x00C0, 0x02B0), *range(0x1E00, 0x1F00)]
_ACCENTED_NAME = re.compile(r"(LATIN (?:CAPITAL|SMALL) LETTER [A-Z]{1,2}) WITH .+")
_MARK = re.compile(f"[{MARKS[0]}-{MARKS[-1]}]")
_COMBINED = re.compile(f"[A-Za-z\u00c0-\u02af\u1e00-\u1eff]{_MARK.pattern}+")


def _accented_letters() -> Iterator[tuple[str, str]]:
    for letter in map(chr, _LATIN_BLOCKS):
        name = _ACCENTED_NAME.fullmatch(unicodedata.name(letter, ""))
        if name and letter not in GSM7_BASIC and (base := unicodedata.lookup(name[1])) in GSM7_BASIC:
            yield letter, base


_TYPOGRAPHY = {character: plain for plain, alike in _ALIKE.items() for character in alike} | _SPELT_OUT
_ACCENTS = dict(_accented_letters()) | _UNMARKED | dict.fromkeys(MARKS, "")

REPLACEMENTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "off": MappingProxyType({}),
        "typography": MappingProxyType(_TYPOGRAPHY),
        "accents": MappingProxyType(_ACCENTS | _TYPOGRAPHY),
    }
)
"""By level: a character outside GSM-7, and the text of the basic alphabet that takes its place."""
_FINDERS = {level: re.compile(f"[{re.escape(''.join(table))}]") for level, table in REPLACEMENTS.items() if table}


def replace_characters(text: str, level: str) -> str:
    """Return the text with the replacements of ``level``. A second call changes nothing more.

    An accent that is a character of its own, as on a Mac, is first joined to its letter: é is in GSM-7.

    Raises:
        KeyError: ``level`` is none of ``LEVELS``.

    >>> [replace_characters("L’été, ça…", level) for level in LEVELS]
    ['L’été, ça…', "L'été, ça...", "L'été, ca..."]
    """
    table = REPLACEMENTS[level]
    if not table:
        return text
    if _MARK.search(text):
        text = _COMBINED.sub(_compose, _FINDERS["typography"].sub(_put_typography, text))
    return _FINDERS[level].sub(lambda found: table[found[0]], text)


def _put_typography(found: re.Match[str]) -> str:
    return _TYPOGRAPHY[found[0]]


def _compose(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", found[0])
