"""What has changed since the version of a recap that people may have read."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sms.masking import escape_markdown, mask_numbers
from sms.wording import amount_text, grouped
from tasks.pages import grouped_by_value, local_time, quotation, table

_PEOPLE_WORDS = {
    "added": "joined",
    "removed": "left",
    "rewritten": "get another text",
}
_NONE = "(none)"
#: What fits in a cell.
_SHORT = 40


def change_parts(view: Mapping[str, Any], zone: ZoneInfo) -> list[str]:
    """Return what is not as it was in the version before; nothing of a first version."""
    changes = view["changes"]
    if changes is None:
        return []
    people = [
        f"{grouped(changes['people'][key])} {words}" for key, words in _PEOPLE_WORDS.items() if changes["people"][key]
    ]
    shown = [_shown_change(row, zone) for row in changes["fields"]]
    changed = [(field, before, after) for field, before, after in shown if {before, after} != {_NONE}]
    rows = [row for row in changed if max(map(len, row)) <= _SHORT]
    rows += [_figure_change(row, view["recap"]["unit"]) for row in changes["figures"]]
    parts = [
        f"People since version {changes['since_version']}: {', '.join(people) or 'the same people, the same texts'}."
    ]
    parts += [_long_change(*row) for row in changed if max(map(len, row)) > _SHORT]
    return [*parts, table(["what", "before", "now"], rows, align="lrr")] if rows else parts


def _shown_change(row: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, str, str]:
    """Return a field and both its values in words: of values by territory those that differ, instants as local time."""
    before, after = row["before"], row["after"]
    if row["field"].endswith("_at"):
        before, after = (_shown_times(at, zone) for at in (before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        same = before.items() & after.items()
        before, after = (dict(sorted(value.items() - same)) for value in (before, after))
    return row["field"].removesuffix("_at").replace("_", " "), *(
        mask_numbers(_shown(value), spare=str(value) if row["field"] == "text" else "") for value in (before, after)
    )


def _shown_times(value: str | Mapping[str, str] | None, zone: ZoneInfo) -> str | dict[str, str] | None:
    """Return an instant, or those of places, as local time."""
    if isinstance(value, Mapping):
        return {key: local_time(datetime.fromisoformat(at), zone) for key, at in value.items()}
    return value and local_time(datetime.fromisoformat(value), zone)


def _shown(value: object) -> str:
    if isinstance(value, dict):  # by territory or place
        value = grouped_by_value({key: _shown(each) for key, each in value.items()})
        value = "" if value.endswith(f": {_NONE}") and ";" not in value else value
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _NONE if value in (None, "") else str(value)


def _long_change(field: str, before: str, after: str) -> str:
    """Return both values one under the other: a cell would cut them."""
    was, is_now = (quotation(escape_markdown(value)) for value in (before, after))
    return f"**{field}** was:\n\n{was}\n\nand is now:\n\n{is_now}"


def _figure_change(row: Mapping[str, Any], unit: str) -> tuple[str, str, str]:
    before, after = (Decimal(row[key]) for key in ("before", "after"))
    if row["figure"] == "price":
        return row["figure"], amount_text(before, unit), amount_text(after, unit)
    return row["figure"], grouped(int(before)), grouped(int(after))
