"""Text that is not meant for a phone: merge fields of other tools, and values that programs write into empty cells.

The patterns are data in ``leftovers.toml``.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_INNER_NAME = re.compile(r"[^\W\d]\w*")

#: Values that may be in a cell by mistake, by the name of the pattern in ``leftovers.toml``.
LEFTOVER_WORDS = {
    "no_value": "what a program writes where there is no value",
    "html": "codes of a web page",
    "invisible": "invisible characters",
    "quoted": "quotes around the value",
    "placeholder": "merge fields that another tool did not fill in",
}


class _Patterns(NamedTuple):
    placeholders: tuple[re.Pattern[str], ...]
    around_names: tuple[re.Pattern[str], ...]
    merge_names: frozenset[str]
    cells: Mapping[str, str]


def find_placeholders(text: str) -> list[str]:
    """Return the merge fields of other tools in a text, each once, in order.

    >>> find_placeholders("Bonjour {{first_name}}, [PRENOM] *|FNAME|* {first_name} [URGENT]")
    ['{{first_name}}', '[PRENOM]', '*|FNAME|*']
    """
    found = {match.start(): match[0] for pattern in _load().placeholders for match in pattern.finditer(text)}
    for pattern in _load().around_names:
        found |= {match.start(): match[0] for match in pattern.finditer(text) if _is_merge_name(match["name"])}
    return list(dict.fromkeys(found[start] for start in sorted(found)))


def placeholder_name(placeholder: str) -> str:
    """Return the name inside another tool's merge field, in small letters.

    >>> placeholder_name("*|FNAME|*"), placeholder_name("{{ contact.prenom }}")
    ('fname', 'prenom')
    """
    names: list[str] = _INNER_NAME.findall(placeholder.split("|default")[0])
    return names[-1].lower() if names else "first_name"


def leftover_patterns() -> Mapping[str, str]:
    """Return the pattern of each kind of leftover in a cell, for Python and DuckDB.

    >>> re.search(leftover_patterns()["html"], "Dupont &amp; fils")[0]
    '&amp;'
    """
    return _load().cells


def find_leftovers(cell: str) -> list[str]:
    """Return the kinds of leftovers in a cell.

    >>> find_leftovers("NULL"), find_leftovers(' "Zoé"'), find_leftovers("Zoé")
    (['no_value'], ['quoted'], [])
    """
    return [kind for kind, pattern in _load().cells.items() if re.search(pattern, cell)]


def without_invisible(text: str) -> str:
    """Return a text without invisible characters."""
    visible: str = re.sub(_load().cells["invisible"], "", text)
    return visible


def _is_merge_name(name: str) -> bool:
    folded = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(character for character in folded if character.isalnum())
    return "_" in name or plain in _load().merge_names


@cache
def _load() -> _Patterns:
    data = tomllib.loads(files("campanile.sms.text").joinpath("leftovers.toml").read_text(encoding="utf-8"))
    placeholders = data["placeholders"]
    return _Patterns(
        placeholders=tuple(map(re.compile, placeholders["patterns"])),
        around_names=tuple(map(re.compile, placeholders["around_names"])),
        merge_names=frozenset(placeholders["merge_names"]),
        cells=data["cells"],
    )
