"""Differences between a recap and the version before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from campanile.pages.recap_views import FieldChange, RecapView
from campanile.pages.words import grouped_by_value
from campanile.sms.text.formatting import grouped, local_time
from schemas.recap_rows import PeopleChange

_NONE = "(none)"
#: Length of a text that fits in a table cell.
_SHORT = 40


@dataclass(frozen=True, slots=True)
class ShownChange:
    """A field and both its values as texts; ``is_own_words``: the draft's text, whose numbers are not masked."""

    field: str
    before: str
    after: str
    is_own_words: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """Differences: counts of people by kind of change, fields that fit in a table, and longer ones."""

    people: Sequence[str]
    short: Sequence[ShownChange]
    long: Sequence[ShownChange]


def changed_fields(view: RecapView, zone: ZoneInfo) -> Changed:
    """Return the differences from the version before; empty for a first version."""
    if view.changes is None:
        return Changed((), (), ())
    shown = [_shown_change(row, zone) for row in view.changes.fields]
    changed = [row for row in shown if {row.before, row.after} != {_NONE}]
    return Changed(
        _people(view.changes.people),
        [row for row in changed if _is_short(row)],
        [row for row in changed if not _is_short(row)],
    )


def _people(people: PeopleChange) -> list[str]:
    counts = {"added": people.added, "removed": people.removed, "get another text": people.rewritten}
    return [f"{grouped(count)} {words}" for words, count in counts.items() if count]


def _is_short(row: ShownChange) -> bool:
    return max(map(len, (row.field, row.before, row.after))) <= _SHORT


def _shown_change(row: FieldChange, zone: ZoneInfo) -> ShownChange:
    """Return a field and both its values as texts: of values by territory those that differ, times as local time."""
    before, after = row.before, row.after
    if row.field.endswith("_at"):
        before, after = (_shown_times(at, zone) for at in (before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        same = before.items() & after.items()
        before, after = (dict(sorted(value.items() - same)) for value in (before, after))
    field = row.field.removesuffix("_at").replace("_", " ")
    return ShownChange(field, _shown(before), _shown(after), row.field == "text")


def _shown_times(value: str | Mapping[str, str] | None, zone: ZoneInfo) -> str | dict[str, str] | None:
    """Return a time, or the times by territory, as local time."""
    if isinstance(value, Mapping):
        return {key: local_time(datetime.fromisoformat(at), zone) for key, at in value.items()}
    return value and local_time(datetime.fromisoformat(value), zone)


def _shown(value: object) -> str:
    if isinstance(value, dict):  # by territory or window key
        value = grouped_by_value({key: _shown(each) for key, each in value.items()})
        value = "" if value.endswith(f": {_NONE}") and ";" not in value else value
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _NONE if value in (None, "") else str(value)
