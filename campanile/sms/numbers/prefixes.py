"""Where in the digits of a number the patterns of numbering plans are tried, as ``phonenumbers`` reads numbers.

A number begins with a plus, a dialling prefix (``00``), a country code, a national prefix (``0``), some of them or
none; after each of these a plan may start. The functions say where, from as few digits as decide it.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from campanile.sms.errors import ConfigurationError
from campanile.sms.numbers.msisdn import (
    BARE_INTERNATIONAL_DIGITS,
    FRENCH_CODES,
    FRENCH_REGIONS,
    MAINLAND_CODE,
    OVERSEAS_CODES,
    OVERSEAS_MOBILE,
)
from campanile.sms.numbers.regex_nfa import Positions, start_of, step

MAX_DIGITS = 17  # more are never a number, and an int64 holds them all

_OVERSEAS = "overseas"  # stands where a country code stands: the plans of France and its overseas codes together
_MAX_STRIPS = 2
_TYPES = (
    "general_desc", "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip",
    "pager", "uan", "voicemail",
)  # fmt: skip


class Point(NamedTuple):
    """A point from which a plan's patterns are tried: how one gets there, how many digits before it, whose plan."""

    way: str
    offset: int
    code: int | str


class Head(NamedTuple):
    """The first digits of a number, as long as they do not tell yet how it is to be read."""

    has_plus: bool
    length: int
    digits: str


class NeedsMore(Exception):  # noqa: N818 - a step of the reading, no error
    """The digits so far do not decide."""


class Opaque(Exception):  # noqa: N818
    """The plan does more than match patterns."""


def reading_points(region: str, head: Head) -> Iterator[Point]:
    """Yield from where the plans' patterns are tried: every reading that ``parse_number`` tries, and no other.

    Raises:
        NeedsMore: the digits so far do not decide.
        Opaque: a plan does more than match patterns.
    """
    if head.has_plus:
        yield from _abroad(region, "plus", 0, head)
    else:
        yield from _at_home(region, "home", 0, head)
        if head.digits == "0" and head.length > 1:
            raise NeedsMore
        if head.digits.startswith("00"):
            yield from _abroad(region, "00", 2, head)
        elif head.digits[0] != "0" and head.length >= BARE_INTERNATIONAL_DIGITS:
            yield from _abroad(region, "bare", 0, head)
    if region in FRENCH_REGIONS:
        yield from _overseas(head)


def _abroad(region: str, way: str, offset: int, head: Head) -> Iterator[Point]:
    """Yield the points of a number with its country code; with an unknown one, it is read at home."""
    size = _country_code_size(offset, head)
    if size:
        yield from _with_country_code(way, offset, size, head)
    else:
        yield from _at_home(region, f"{way}, then home", offset, head)


def _at_home(region: str, way: str, offset: int, head: Head) -> Iterator[Point]:
    """Yield the points of a number as dialled in the region: abroad, at home, at home with the own country code."""
    plan: Any = PhoneMetadata.metadata_for_region(region)
    dialled = _dialling_prefix(plan, offset, head)
    if dialled:
        size = _country_code_size(offset + dialled, head)
        yield Point(f"{way}, dialled", offset + dialled, plan.country_code)
        yield from _with_country_code(way, offset + dialled, size, head) if size else ()
        return
    code = str(plan.country_code)
    yield from _national(way, offset, plan.country_code, plan, head)
    if head.digits.startswith(code, offset):
        if _plan_of(int(code)).national_prefix_for_parsing != plan.national_prefix_for_parsing:
            raise Opaque
        yield from _national(f"{way}, own code", offset + len(code), int(code), plan, head)
    elif code.startswith(head.digits[offset:]) and len(head.digits) < head.length:
        raise NeedsMore


def _dialling_prefix(plan: Any, offset: int, head: Head) -> int:
    """Return how many digits the region's own international prefix takes; none before a zero."""
    taken = _literal(plan.international_prefix, offset, head)
    end = offset + taken
    if taken and len(head.digits) == end < head.length:
        raise NeedsMore
    return 0 if head.digits[end : end + 1] == "0" else taken


def _country_code_size(offset: int, head: Head) -> int:
    """Return how many digits the country code has that stands at ``offset``; 0 when none is known that begins so."""
    rest = head.digits[offset:]
    for size in (1, 2, 3):
        if len(rest) < size and len(head.digits) < head.length:
            raise NeedsMore
        if rest[:1] == "0" or len(rest) < size:
            return 0
        if int(rest[:size]) in COUNTRY_CODE_TO_REGION_CODE:
            return size
    return 0


def _with_country_code(way: str, offset: int, size: int, head: Head) -> Iterator[Point]:
    code = int(head.digits[offset : offset + size])
    return _national(way, offset + size, code, _plan_of(code), head)


def _national(way: str, offset: int, code: int, plan: Any, head: Head) -> Iterator[Point]:
    """Yield where a national number may start: here, and after its national prefix."""
    yield Point(way, offset, code)
    for strip in range(1, _MAX_STRIPS + 2):
        taken = _literal(plan.national_prefix_for_parsing, offset, head)
        if not taken:
            return
        if strip > _MAX_STRIPS:
            raise Opaque
        offset += taken
        yield Point(f"{way} -{strip}", offset, code)


def _overseas(head: Head) -> Iterator[Point]:
    offset = head.length - 9
    if 0 <= offset <= max(map(len, _overseas_leads(head.has_plus))):
        if len(head.digits) < offset:
            raise NeedsMore
        if head.digits[:offset] in _overseas_leads(head.has_plus):
            yield Point(_OVERSEAS, offset, _OVERSEAS)


@cache
def _overseas_leads(has_plus: bool) -> frozenset[str]:
    codes = {f"{MAINLAND_CODE}{zero}" for zero in ("", "0")}
    return frozenset(codes if has_plus else codes | {f"00{code}" for code in codes} | {"", "0"})


def _literal(pattern: str | None, offset: int, head: Head) -> int:
    """Return how many digits a prefix pattern takes from ``offset``; only literal ones may take any."""
    if not pattern:
        return 0
    positions = start_pattern(pattern)
    for taken, digit in enumerate(head.digits[offset:], start=1):
        if None in positions:
            raise Opaque
        positions = step(positions, int(digit))
        if None in positions and pattern.isdigit():
            return taken
        if not positions:
            return 0
    if None in positions:
        raise Opaque
    if len(head.digits) == head.length:
        return 0
    raise NeedsMore


def start_pattern(pattern: str) -> Positions:
    """Return where a pattern starts.

    Raises:
        Opaque: it uses more than ``regex_nfa`` reads.
    """
    try:
        return start_of(pattern)
    except ConfigurationError as error:
        raise Opaque from error


@cache
def plan_patterns(code: int | str) -> tuple[tuple[str, frozenset[int] | None], ...]:
    """Return the patterns of a country code's plans, and the only lengths at which each of them counts (None: all)."""
    if code == _OVERSEAS:
        own = {OVERSEAS_MOBILE, *(rf"{prefix}\d{{6}}" for prefix in OVERSEAS_CODES)}
        plans = {pattern: lengths for each in FRENCH_CODES for pattern, lengths in plan_patterns(each)}
        return tuple(sorted((plans | dict.fromkeys(own)).items(), key=lambda item: item[0]))
    found: dict[str, frozenset[int] | None] = {}
    for plan in _plans_of(int(code)):
        if plan.leading_digits:
            found[rf"(?:{plan.leading_digits})\d{{0,{MAX_DIGITS}}}"] = None
        for name in _TYPES:
            desc = getattr(plan, name)
            if desc is not None and desc.national_number_pattern:
                lengths = None if name == "general_desc" else frozenset(desc.possible_length)
                known = found.get(desc.national_number_pattern, frozenset())
                both = None if lengths is None or known is None else known | lengths
                found[desc.national_number_pattern] = both
    return tuple(sorted(found.items(), key=lambda item: item[0]))


def _plans_of(code: int) -> Iterator[Any]:
    for region in COUNTRY_CODE_TO_REGION_CODE[code]:
        yield PhoneMetadata.metadata_for_region_or_calling_code(code, region)


def _plan_of(code: int) -> Any:
    """Return the plan by which a country code's numbers are read: that of its main region."""
    return PhoneMetadata.metadata_for_region_or_calling_code(code, phonenumbers.region_code_for_country_code(code))
