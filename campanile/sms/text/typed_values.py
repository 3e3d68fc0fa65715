"""Parsing of typed names, days and hours, if they have only one meaning.

Each function raises ``ValueError`` with a line that says how to write the value.
"""

import re
import unicodedata
from datetime import date, time

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "&": " "})
_KEY = re.compile(r"[a-z0-9][a-z0-9-]{1,59}")
_ISO_DAY = re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})")
_DAY = re.compile(r"(?P<first>\d{1,2})(?P<sign>[/.-])(?P<second>\d{1,2})(?P=sign)(?P<year>\d{4})")
_SPELT_DAY = re.compile(r"(?:[a-zé]+\.?,? )?(?P<day>\d{1,2})(?:er)? (?P<month>[a-zéû]+)\.?,? (?P<year>\d{4})")
_MOMENT = re.compile(r"(?P<day>.+?)(?:T| à | at |, | )(?P<hour>\d{1,2}(?: ?[hH:].*|:?\d*.* ?[apAP]\.?[mM]\.?))")
_HOUR = re.compile(
    r"(?P<hour>\d{1,2})(?: ?[hH:] ?(?P<minute>\d{2})?(?::00(?:\.0+)?)?)? ?(?P<half>[apAP])?(?(half)\.?[mM]\.?)"
)
_MONTHS = [
    ("janvier", "january"), ("fevrier", "february"), ("mars", "march"), ("avril", "april"), ("mai", "may"),
    ("juin", "june"), ("juillet", "july"), ("aout", "august"), ("septembre", "september"), ("octobre", "october"),
    ("novembre", "november"), ("decembre", "december"),
]  # fmt: skip


def name_key(title: str) -> str | None:
    """Return the key of a campaign's title: small letters, digits and dashes; None: the title has none of these.

    >>> name_key("Noël 2026"), name_key("soldes-hiver"), name_key("!")
    ('noel-2026', 'soldes-hiver', None)
    """
    if _KEY.fullmatch(title):
        return title
    folded = unicodedata.normalize("NFKD", title.casefold().translate(_LIGATURES))
    plain = "".join(sign for sign in folded if not unicodedata.combining(sign))
    key = "-".join(re.findall("[a-z0-9]+", plain))[:60].strip("-")
    return key if _KEY.fullmatch(key) else None


def read_hour(text: str) -> str:
    """Return an hour as HH:MM.

    >>> [read_hour(text) for text in ("10h30", "9:05", "18h", "6 pm")]
    ['10:30', '09:05', '18:00', '18:00']
    """
    found = _HOUR.fullmatch(text.strip())
    if found and (found["half"] or not text.strip().isdecimal()):
        hour, minute, half = int(found["hour"]), int(found["minute"] or 0), (found["half"] or "").lower()
        if half and 1 <= hour <= 12:
            hour = hour % 12 + (12 if half == "p" else 0)
            half = ""
        if not half and hour < 24 and minute < 60:
            return f"{hour:02}:{minute:02}"
    raise ValueError(f"{text!r} is no hour; write it like 10:30 or 10h30")


def read_day(text: str, day_first: bool | None = None) -> str:
    """Return a day as YYYY-MM-DD; one that could be two days, such as 05/12/2026, is returned as DD/MM/YYYY.

    Args:
        text: a day in digits, or with the month spelt in French or English.
        day_first: whether 05/12/2026 is 5 December (True) or 12 May (False); None: it is not known.

    >>> read_day("13/12/2026"), read_day("05/12/2026"), read_day("05/12/2026", True), read_day("5 décembre 2026")
    ('2026-12-13', '05/12/2026', '2026-12-05', '2026-12-05')
    """
    typed = text.strip()
    found = _ISO_DAY.fullmatch(typed) or _spelt_day(typed)
    if found is not None:
        return _day(text, found["year"], found["month"], found["day"])
    found = _DAY.fullmatch(typed)
    if found is None:
        raise ValueError(f"{text!r} is no day; write it like 2026-12-05 or 05/12/2026")
    first, second = int(found["first"]), int(found["second"])
    if first > 12 or second > 12 or first == second or day_first is not None:
        is_day_first = first > 12 if max(first, second) > 12 else day_first is not False
        day, month = (first, second) if is_day_first else (second, first)
        return _day(text, found["year"], month, day)
    _day(text, found["year"], first, second)
    return f"{first:02}/{second:02}/{found['year']}"


def read_moment(text: str, day_first: bool | None = None) -> str:
    """Return a day, or a day and an hour with a blank between them, each as ``read_day`` and ``read_hour`` do.

    >>> read_moment("2026-11-23T18:00"), read_moment("30/11/2026 18h"), read_moment("2026-11-30")
    ('2026-11-23 18:00', '2026-11-30 18:00', '2026-11-30')
    """
    typed = " ".join(text.split())
    if re.search(r"\d[Zz]$|\d[+-]\d{2}:?\d{2}$", typed) and ":" in typed:
        raise ValueError(
            f"{text!r} names a time zone; write it without one, such as 2026-11-23 18:00: it is the team's"
        )
    found = _MOMENT.fullmatch(typed)
    if found is None:
        return read_day(typed, day_first)
    return f"{read_day(found['day'], day_first)} {read_hour(found['hour'])}"


def is_two_days(day: str) -> bool:
    """Return whether ``read_day`` or ``read_moment`` returned a text that could be two days."""
    return "/" in day


def _spelt_day(text: str) -> dict[str, str] | None:
    folded = "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
    found = _SPELT_DAY.fullmatch(folded)
    if found is None or len(found["month"]) < 3:
        return None
    months = [number for number, names in enumerate(_MONTHS, start=1) if _is_month(found["month"], names)]
    return {"year": found["year"], "month": str(months[0]), "day": found["day"]} if len(months) == 1 else None


def _is_month(word: str, names: tuple[str, str]) -> bool:
    return any(name.startswith(word) for name in names)


def _day(text: str, year: str, month: str | int, day: str | int) -> str:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise ValueError(f"{text!r} is no day of the calendar; write it like 2026-12-05") from None


def hour_of(text: str | None) -> time:
    """Return an hour that ``read_hour`` returned, midnight when there is none."""
    return time.fromisoformat(text or "00:00")
