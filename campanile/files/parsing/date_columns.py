"""The dates of last contact and of consent, one format for a whole column: days that the store can compare.

``03/04/2019`` is a day in April or in March, and only the other cells of its column tell which: the format that reads
most of them is taken. What it does not read is kept as ``unreadable``, which counts as long ago and never as today.
"""

# Annotations stay text: evaluated, they keep DuckDB's types alive, and each process would end with "leaked" objects.
from __future__ import annotations

# ruff: noqa: S608 - no text of a file stands in a statement: columns are c0, c1 and so on
import datetime
import re
from collections.abc import Callable, Mapping, Sequence

from campanile.files.parsing.cell_table import CellTable
from campanile.files.parsing.column_aliases import ACTIVITY_DAYS
from campanile.files.parsing.column_mapping import Layout, field_name
from campanile.files.parsing.locales import LOCALES
from campanile.files.parsing.sql_macros import quoted
from campanile.sms.text.masking import mask_numbers

UNREADABLE = "unreadable"

_MAX_VALUES = 100_000  # distinct days of a column, the most frequent first; what is beyond cannot be read
_SHOWN, _LONGEST_VALUE = 3, 30
_CENTURY = 50  # a year of two digits from here on is of the last century
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_SERIALS = range(20_000, 60_000)  # days of Excel: 1954 to 2064
_SERIAL_ZERO = datetime.date(1899, 12, 30)
_MONTH_FIRST_REGIONS = frozenset({"US"})
# A time behind a day, and its zone.
_TIME = (
    r"(?:[ T,]|\s[àa]t?\s)+\d{1,2}[:hH]\d{2}(?::\d{2}(?:[.,]\d+)?)?"
    r"\s?(?:[AaPp]\.?[Mm]\.?)?\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})?$"
)

_THREE = re.compile(r"(\d{1,4})\s?([/.\-\s])\s?(\d{1,2})\s?\2\s?(\d{1,4})")
_MONTH_AND_YEAR = re.compile(r"(\d{1,2})[/.\-](\d{4})|(\d{4})[/.\-](\d{1,2})")
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)")
_UNIX = re.compile(r"(\d{10})(?:\d{3})?(?:[.,]0*)?")
_SERIAL = re.compile(r"(\d{5})(?:[.,]\d+)?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_NAMES = {
    field_name(name): number
    for locale in LOCALES.values()
    for names in (locale.months, locale.short_months)
    for number, name in enumerate(names, start=1)
} | {"maerz": 3, "sept": 9, "fevr": 2, "fev": 2, "dez": 12, "sep": 9, "set": 9, "mar": 3, "mrz": 3, "mai": 5}
_ORDINAL = re.compile(r"(\d{1,2})(?:er|st|nd|rd|th|º|\.)?")
_FILLING = frozenset({"de", "del", "le", "of", "the", "den", "am", "el", "il"})

Day = datetime.date | None


def read_date_columns(
    table: CellTable, header: Sequence[str], layout: Layout, region: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Read the dates that tell when a person last gave a sign of life, of a table whose rows are numbered.

    Returns:
        The SQL of one more merge field for each such column, ``consent_on`` and ``last_active_on``: an ISO day,
        ``unreadable``, or NULL where its cell is empty; and what a person should know of it, a sentence each.
    """
    fields: dict[str, str] = {}
    notes: list[str] = []
    for position, field in layout.fields.items():
        if field not in ACTIVITY_DAYS:
            continue
        values = _values(table, position)
        style, days = choose_style(values, region)
        is_as_written = len(values) < _MAX_VALUES and all(str(days.get(text)) == text for text in values)
        fields[ACTIVITY_DAYS[field]] = (
            _day_text(table, position) if is_as_written else _keep_days(table, position, days)
        )
        notes += _notes(header[position], style, values, days)
    return fields, tuple(notes)


def choose_style(values: Mapping[str, int], region: str) -> tuple[str, dict[str, datetime.date]]:
    """Return the format that reads most of a column, in words, and the day of each value that it reads.

    Args:
        values: text of a day, without its time -> how many rows have it.
        region: decides between day/month and month/day where the cells do not.
    """
    styles = dict(_STYLES)
    if region in _MONTH_FIRST_REGIONS:
        styles = {name: styles[name] for name in sorted(styles, key=lambda name: name != "month/day/year")}
    read = {name: {text: day for text in values if (day := style(text)) is not None} for name, style in styles.items()}
    best = max(read, key=lambda name: sum(values[text] for text in read[name]))
    return best, read[best]


def _values(table: CellTable, position: int) -> dict[str, int]:
    """Return how many valid rows have each text of a day; those beyond the most frequent ones are left out."""
    return dict(
        table.engine.execute(f"""
            SELECT day, count(*) FROM (
                SELECT {_day_text(table, position)} AS day
                FROM cells JOIN numbered USING (ordinal) JOIN verdicts USING (code) WHERE reason IS NULL
            ) WHERE day IS NOT NULL GROUP BY day ORDER BY count(*) DESC, day LIMIT {_MAX_VALUES}
        """).fetchall()
    )


def _day_text(table: CellTable, position: int) -> str:
    """Return the SQL of a cell without the time of day at its end."""
    cell = table.field(position)
    return f"CASE WHEN length({cell}) > 10 THEN regexp_replace({cell}, {quoted(_TIME)}, '') ELSE {cell} END"


def _keep_days(table: CellTable, position: int, days: Mapping[str, datetime.date]) -> str:
    name = f"days_{position}"
    table.engine.execute(f"CREATE TABLE {name} (text VARCHAR PRIMARY KEY, day VARCHAR)")
    if days:
        texts, found = list(days), [day.isoformat() for day in days.values()]
        table.engine.execute(f"INSERT INTO {name} SELECT unnest(?), unnest(?)", [texts, found])
    text = _day_text(table, position)
    found_day = f"(SELECT {name}.day FROM {name} WHERE {name}.text = {text})"
    return f"CASE WHEN {table.field(position)} IS NULL THEN NULL ELSE coalesce({found_day}, {quoted(UNREADABLE)}) END"


def _notes(name: str, style: str, values: Mapping[str, int], days: Mapping[str, datetime.date]) -> list[str]:
    odd = [text for text in values if text not in days]
    if not odd:
        return [] if style == _USUAL or not days else [f"The dates of {name!r} are read as {style}."]
    shown = ", ".join(repr(mask_numbers(text)[:_LONGEST_VALUE]) for text in odd[:_SHOWN])
    how = f"The dates of {name!r} are read as {style}; " if days else f"No date of {name!r} can be read; "
    return [
        f"{how}{sum(values[text] for text in odd)} cells cannot be read so ({shown}): "
        "these people count as not heard of for a long time."
    ]


def _ymd(text: str) -> Day:
    found = _THREE.fullmatch(text) or _COMPACT.fullmatch(text)
    if not found:
        return None
    year, month, day = (found[1], found[3], found[4]) if found.re is _THREE else found.groups()
    return _day(year, month, day) if len(year) == 4 else None


def _dmy(text: str) -> Day:
    found = _THREE.fullmatch(text)
    return _day(found[4], found[3], found[1]) if found and len(found[1]) <= 2 else None


def _mdy(text: str) -> Day:
    found = _THREE.fullmatch(text)
    return _day(found[4], found[1], found[3]) if found and len(found[1]) <= 2 else None


def _words(text: str) -> Day:
    """Read a day with the name of its month, or a month alone, which begins on its first day."""
    numbers, months = [], []
    for word in re.split(r"[\s,/\-]+", text.strip()):
        key = field_name(word)
        if found := _ORDINAL.fullmatch(word) or _YEAR.fullmatch(word):
            numbers.append(found[1] if found.re is _ORDINAL else found[0])
        elif key in _NAMES:
            months.append(str(_NAMES[key]))
        elif key not in _FILLING and key not in _WEEKDAYS:
            return None
    if len(months) != 1 or not 1 <= len(numbers) <= 2:
        return None
    day, year = numbers if len(numbers) == 2 else ("1", numbers[0])
    return _day(year, months[0], day)


def _month(text: str) -> Day:
    found = _MONTH_AND_YEAR.fullmatch(text)
    return _day(found[2] or found[3], found[1] or found[4], "1") if found else None


def _serial(text: str) -> Day:
    found = _SERIAL.fullmatch(text)
    return _SERIAL_ZERO + datetime.timedelta(int(found[1])) if found and int(found[1]) in _SERIALS else None


def _unix(text: str) -> Day:
    found = _UNIX.fullmatch(text)
    return datetime.datetime.fromtimestamp(int(found[1]), datetime.UTC).date() if found else None


def _year(text: str) -> Day:
    return _day(text, "1", "1") if _YEAR.fullmatch(text) else None


def _day(year: str, month: str, day: str) -> Day:
    if len(year) not in (2, 4):
        return None
    number = int(year) if len(year) == 4 else int(year) + (1900 if int(year) >= _CENTURY else 2000)
    try:
        return datetime.date(number, int(month), int(day)) if _FIRST_YEAR <= number <= _LAST_YEAR else None
    except ValueError:
        return None


_WEEKDAYS = frozenset(
    field_name(name).replace("_", "")[:length]
    for locale in LOCALES.values()
    for name in locale.days
    for length in (2, 3, 4, len(name))
)
_USUAL = "year-month-day"
_STYLES: dict[str, Callable[[str], Day]] = {
    _USUAL: _ymd,
    "day/month/year": _dmy,
    "month/day/year": _mdy,
    "days with the names of months": _words,
    "days of Excel, counted since 1900": _serial,
    "seconds since 1970": _unix,
    "month/year": _month,
    "years": _year,
}
