"""What a cell of a sheet shows: its value under its number format, as Excel's format codes say.

Codes are those of ECMA-376, part 1, 18.8.30 (number formats): up to four sections for positive, negative, zero and
text, or with conditions of their own. What is not done here gives None, never another value: fractions (``# ?/?``),
exponents, eras and calendars other than ours.
"""

import datetime
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

from campanile.files.parsing.format_codes import Section, Token, sections_of
from campanile.files.parsing.locales import Locale, locale_of_tag

Value = int | float | datetime.date | datetime.time | datetime.timedelta
GENERAL = "General"

_SIGNIFICANT = 11  # digits that an unformatted number shows at most
_EPOCH = datetime.datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet knows no time zone
_NOON, _NEARLY_A_SECOND = 12, 999_000  # microseconds


def built_in_code(number: int, locale: Locale) -> str | None:
    """Return the code of a format that Excel knows by number; those of dates and amounts are the locale's own."""
    amount = locale.currency
    if number in (5, 6, 7, 8, 42, 44):
        digits = "#,##0" if number in (5, 6, 42) else "#,##0.00"
        return amount.replace("0.00", digits) if amount else None
    plain = {
        0: GENERAL, 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?",
        13: "# ??/??", 14: locale.short_date, 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM",
        19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: f"{locale.short_date} hh:mm", 37: "#,##0;-#,##0",
        38: "#,##0;-#,##0", 39: "#,##0.00;-#,##0.00", 40: "#,##0.00;-#,##0.00", 41: "#,##0", 43: "#,##0.00",
        45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
    }  # fmt: skip
    return plain.get(number)


@lru_cache(maxsize=50_000)
def shown_value(value: Value | str, code: str, locale: Locale) -> str | None:
    """Return the text that a cell shows, or None when this format is not known here.

    >>> from campanile.files.parsing.locales import LOCALES
    >>> shown_value(1234.5, '#,##0.00 "€"', LOCALES["fr"]), shown_value(0.2, "0 %", LOCALES["fr"])
    ('1 234,50 €', '20 %')
    """
    sections = sections_of(code)
    if isinstance(value, str):
        return _shown_text(value, sections)
    if isinstance(value, int | float):
        section, number = _section_of(sections, float(value))
        if section is None:
            return None
        if section.kinds() & {"date", "elapsed"} or section.system:
            return _shown_date(_EPOCH + datetime.timedelta(days=float(value)), section, locale)
        return _shown_number(value, number, section, locale)
    return _shown_date(_moment(value), sections[0], locale)


def general_number(value: float, locale: Locale) -> str:
    """Return what a number shows without a format: 1234.5 is ``1234,5`` in French; whole numbers keep all digits."""
    if float(value).is_integer():
        return str(int(value))
    text = format(Decimal(format(value, f".{_SIGNIFICANT}g")), "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", locale.decimal)


def is_whole_date(code: str) -> bool:
    """Tell whether a format shows a day, a month and a year, in this order or from the year on."""
    tokens = [token.text.lower() for token in sections_of(code)[0].tokens if token.kind == "date"]
    days = [text for text in tokens if text[0] in "ymd" and not (text[0] == "d" and len(text) > 2)]
    firsts = "".join(text[0] for text in days)[:3]
    return bool(sections_of(code)[0].system == "long" or firsts in ("dmy", "ymd"))


def _section_of(sections: Sequence[Section], value: float) -> tuple[Section | None, Decimal]:
    """Return the section that shows a number, and the number to show in it."""
    number = Decimal(format(value, ".15g"))
    numeric = [section for section in sections[:3] if not ("text" in section.kinds() and len(sections) > 1)]
    if any(section.condition for section in numeric):
        for section in numeric:
            if section.condition is None or _holds(section.condition, value):
                return section, number
        return None, number
    if value < 0 and len(numeric) > 1:
        return numeric[1], -number
    if value == 0 and len(numeric) > 2:
        return numeric[2], number
    return (numeric[0] if numeric else sections[0]), number


def _holds(condition: tuple[str, float], value: float) -> bool:
    operator, limit = condition
    return {
        "<": value < limit,
        "<=": value <= limit,
        ">": value > limit,
        ">=": value >= limit,
        "=": value == limit,
        "<>": value != limit,
    }[operator]


def _shown_text(value: str, sections: Sequence[Section]) -> str | None:
    with_text = [section for section in sections if "text" in section.kinds()]
    if not with_text:
        return value
    texts = [value if token.kind == "text" else token.text for token in with_text[-1].tokens]
    return None if "unknown" in with_text[-1].kinds() else "".join(texts)


def _shown_number(value: float, number: Decimal, section: Section, locale: Locale) -> str | None:
    kinds = section.kinds()
    locale = _own_locale(section, locale)
    if kinds & {"unknown", "slash"} or (section.locale and not _is_known(section)):
        return None
    if kinds & {"general", "text"}:
        plain = general_number(value, locale)
        return _tidy("".join(plain if token.kind in ("general", "text") else token.text for token in section.tokens))
    if "digit" not in kinds:
        return _tidy("".join(token.text for token in section.tokens))
    sign = "-" if number < 0 else ""
    return _tidy(sign + _digits(abs(number), section.tokens, locale))


def _digits(number: Decimal, tokens: tuple[Token, ...], locale: Locale) -> str:
    shape = _shape(tokens)
    if shape.factor != 1:
        number *= shape.factor
    digits = format(number.quantize(shape.unit, ROUND_HALF_UP), "f")
    whole, _, fraction = digits.partition(".")
    before = _whole_digits("" if whole == "0" else whole, shape.before, locale.group if shape.is_grouped else "")
    return before + _decimals(fraction, shape.behind, locale.decimal)


class _Shape(NamedTuple):
    """How the digits of a number stand around the point, what multiplies them, and where they are rounded."""

    before: tuple[Token, ...]
    behind: tuple[Token, ...]
    factor: Decimal
    unit: Decimal
    is_grouped: bool


@lru_cache(maxsize=512)
def _shape(tokens: tuple[Token, ...]) -> _Shape:
    point = next((position for position, token in enumerate(tokens) if token.kind == "point"), len(tokens))
    last = max((position for position in range(point) if tokens[position].kind == "digit"), default=-1)
    thousands = sum(token.kind == "comma" for token in tokens[last + 1 : point])
    percents = sum(token.kind == "percent" for token in tokens)
    decimals = sum(token.kind == "digit" for token in tokens[point:])
    return _Shape(
        tokens[:point],
        tokens[point:],
        Decimal(100) ** percents / Decimal(1000) ** thousands,
        Decimal(1).scaleb(-decimals),
        any(token.kind == "comma" for token in tokens[: last + 1]),
    )


def _whole_digits(digits: str, tokens: Sequence[Token], group: str) -> str:
    """Return the whole part: each placeholder takes a digit from the right, the leftmost one all that are left."""
    first = next((position for position, token in enumerate(tokens) if token.kind == "digit"), -1)
    parts: list[str] = []
    count = 0

    def put(digit: str) -> None:
        nonlocal count
        parts.append(group if count and count % 3 == 0 else "")
        parts.append(digit)
        count += 1

    for position in range(len(tokens) - 1, -1, -1):
        token = tokens[position]
        if token.kind == "digit":
            taken = digits[-1:] or {"0": "0", "?": " "}.get(token.text, "")
            digits = digits[:-1]
            if taken:
                put(taken)
            while position == first and digits:
                put(digits[-1])
                digits = digits[:-1]
        elif token.kind != "comma":
            parts.append(token.text[::-1])
    if first < 0:
        return digits + "".join(token.text for token in tokens if token.kind != "comma")
    return "".join(part if part == group else part[::-1] for part in reversed(parts))


def _decimals(fraction: str, tokens: Sequence[Token], decimal: str) -> str:
    filled = len(fraction.rstrip("0"))
    parts: list[str] = []
    position = 0
    for token in tokens:
        if token.kind == "point":
            parts.append(decimal)
        elif token.kind == "digit":
            is_shown = token.text == "0" or position < filled
            parts.append(fraction[position] if is_shown else {"?": " "}.get(token.text, ""))
            position += 1
        elif token.kind != "comma":
            parts.append(token.text)
    return "".join(parts)


def _moment(value: Value) -> datetime.datetime:
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, datetime.timedelta):
        return _EPOCH + value
    if isinstance(value, datetime.time):
        return datetime.datetime.combine(_EPOCH.date(), value)
    assert isinstance(value, datetime.date)
    return datetime.datetime.combine(value, datetime.time.min)


def _shown_date(moment: datetime.datetime, section: Section, locale: Locale) -> str | None:
    if section.system:
        code = "dddd d mmmm yyyy" if section.system == "long" else "hh:mm:ss"
        return _shown_date(moment, sections_of(code)[0], locale)
    kinds = section.kinds()
    if "unknown" in kinds or not kinds & {"date", "elapsed"} or (section.locale and not _is_known(section)):
        return None
    if "fraction" not in kinds and moment.microsecond >= _NEARLY_A_SECOND:
        moment += datetime.timedelta(milliseconds=1)
    locale = _own_locale(section, locale)
    return _tidy("".join(_date_text(moment, section.tokens, index, locale) for index in range(len(section.tokens))))


def _date_text(moment: datetime.datetime, tokens: Sequence[Token], position: int, locale: Locale) -> str:
    kind, text = tokens[position]
    if kind == "date":
        return _date_part(moment, _meaning(tokens, position), locale, any(token.kind == "half" for token in tokens))
    if kind == "elapsed":
        return _elapsed(moment - _EPOCH, text)
    if kind == "fraction":
        return locale.decimal + f"{moment.microsecond:06d}"[: len(text) - 1]
    fixed = {"half": "AM" if moment.hour < _NOON else "PM", "slash": locale.date_separator, "text": ""}
    return fixed.get(kind, text)


def _meaning(tokens: Sequence[Token], position: int) -> str:
    """Return a date token in small letters; ``n`` instead of ``m`` where it means minutes."""
    text = tokens[position].text.lower()
    if text not in ("m", "mm"):
        return text
    parts = [(where, token.text.lower()[0]) for where, token in enumerate(tokens) if token.kind in ("date", "elapsed")]
    index = next(index for index, (where, _) in enumerate(parts) if where == position)
    is_minute = (index and parts[index - 1][1] == "h") or (index + 1 < len(parts) and parts[index + 1][1] == "s")
    return text.replace("m", "n") if is_minute else text


def _date_part(moment: datetime.datetime, meaning: str, locale: Locale, is_half: bool) -> str:
    size = len(meaning)
    if meaning[0] == "y":
        return f"{moment.year:04d}" if size > 2 else f"{moment.year % 100:02d}"
    if meaning[0] == "m" and size > 2:
        name = (locale.short_months if size == 3 else locale.months)[moment.month - 1]
        return name[:1].upper() if size == 5 else name
    if meaning[0] == "d" and size > 2:
        return (locale.short_days if size == 3 else locale.days)[moment.weekday()]
    hour = (moment.hour % 12 or 12) if is_half else moment.hour
    number = {"m": moment.month, "d": moment.day, "h": hour, "n": moment.minute, "s": moment.second}[meaning[0]]
    return f"{number:0{min(size, 2)}d}"


def _elapsed(duration: datetime.timedelta, text: str) -> str:
    seconds = round(duration / datetime.timedelta(seconds=1))
    return f"{seconds // {'h': 3600, 'm': 60, 's': 1}[text[0]]:0{len(text)}d}"


def _is_known(section: Section) -> bool:
    return locale_of_tag(section.locale) is not None


def _own_locale(section: Section, locale: Locale) -> Locale:
    found = locale_of_tag(section.locale) if section.locale else None
    return locale if found is None or found.language == locale.language else found


def _tidy(text: str) -> str:
    """Return a shown text with single plain spaces: no-break ones make an SMS more expensive."""
    return " ".join(text.split())
