"""Format codes of Excel, taken apart: sections of tokens, as ECMA-376, part 1, 18.8.31 has them."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|(?P<pad>_.)|(?P<fill>\*.)|\[(?P<bracket>[^\]]*)\]|(?P<general>General)'
    r"|(?P<half>AM/PM|A/P)|(?P<exponent>E[+-])|(?P<date>y+|m+|d+|h+|s+)|(?P<era>[bge]+)|(?P<sign>[0#?.,%@/;])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[\d.]+)")
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_COLOR = re.compile(r"black|blue|cyan|green|magenta|red|white|yellow|colou?r ?\d+", re.IGNORECASE)
_SYSTEM = {"F800": "long", "X-SYSDATE": "long", "F400": "time", "X-SYSTIME": "time"}


class Token(NamedTuple):
    """A part of a section.

    Attributes:
        kind: literal, digit, point, comma, percent, slash, date, elapsed, fraction (of a second), half (of a day),
            general, text or unknown.
        text: of a literal what it shows, else as it stands in the code.
    """

    kind: str
    text: str


class Section(NamedTuple):
    """One part of a format code.

    Attributes:
        tokens: what it shows.
        condition: operator and number, or None.
        locale: of a date or an amount, where the code names it.
        system: ``long`` or ``time`` where the code leaves a date to the system.
    """

    tokens: tuple[Token, ...]
    condition: tuple[str, float] | None
    locale: str
    system: str

    def kinds(self) -> set[str]:
        """Return the kinds of its tokens."""
        return {token.kind for token in self.tokens}


@lru_cache(maxsize=512)
def sections_of(code: str) -> tuple[Section, ...]:
    """Return the sections of a format code."""
    sections: list[list[tuple[str, str]]] = [[]]
    for match in _TOKEN.finditer(code):
        kind, text = str(match.lastgroup), match[str(match.lastgroup)]
        if kind == "sign" and text == ";":
            sections.append([])
        else:
            sections[-1].append((kind, text))
    return tuple(_section(section) for section in sections)


def _section(parts: Sequence[tuple[str, str]]) -> Section:
    tokens: list[Token] = []
    condition, locale, system = None, "", ""
    for kind, text in parts:
        if kind != "bracket":
            tokens.append(_token(kind, text))
        elif found := _CONDITION.fullmatch(text):
            condition = (found[1], float(found[2]))
        elif text.startswith("$"):
            symbol, _, tag = text[1:].partition("-")
            system = _SYSTEM.get(tag.upper().partition(",")[0], system)
            locale = locale or tag.partition(",")[0]
            tokens.append(Token("literal", symbol))
        elif _ELAPSED.fullmatch(text):
            tokens.append(Token("elapsed", text.lower()))
        elif not _COLOR.fullmatch(text):
            tokens.append(Token("unknown", text))
    return Section(_with_fraction(tokens), condition, locale, system)


def _with_fraction(tokens: list[Token]) -> tuple[Token, ...]:
    """Return the tokens of a section; the decimals of a date's seconds are one token."""
    if not any(token.kind in ("date", "elapsed") for token in tokens):
        return tuple(tokens)
    found: list[Token] = []
    for token in tokens:
        if token.kind == "digit" and found and found[-1].kind in ("point", "fraction"):
            found[-1] = Token("fraction", found[-1].text + token.text)
        else:
            found.append(token)
    return tuple(found)


def _token(kind: str, text: str) -> Token:
    if kind == "pad":
        return Token("literal", " ")
    if kind == "fill":
        return Token("literal", "")
    if kind == "sign":
        kinds = {".": "point", ",": "comma", "%": "percent", "@": "text", "/": "slash"}
        return Token(kinds.get(text, "digit"), text)
    if kind in ("quoted", "escaped", "other"):
        return Token("literal", text)
    return Token({"exponent": "unknown", "era": "unknown"}.get(kind, kind), text)
