"""The text rules of this package as SQL, the same as their Python twins: ``str.strip`` and ``formula_guard``."""

import sys

_WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(sys.maxunicode + 1))))
_CLASS = "[" + "".join(f"\\x{{{ord(character):x}}}" for character in _WHITE_SPACE) + "]"
_SIGNS = "=+@＝＋－＠-"

MACROS: tuple[str, ...] = (
    # Trimming by a set of characters is slow, and cells that need it are few: look at both ends first.
    f"""CREATE MACRO strip(cell) AS CASE
        WHEN cell < '!' OR right(cell, 1) < '!' OR (cell > '~' AND regexp_matches(cell, '^{_CLASS}'))
            OR (right(cell, 1) > '~' AND regexp_matches(right(cell, 1), '{_CLASS}'))
        THEN trim(cell, '{_WHITE_SPACE}') ELSE cell END""",
    rf"""CREATE MACRO unguard(cell) AS CASE
        WHEN contains(cell, '''') THEN regexp_replace(
            regexp_replace(cell, '([\r\n])''(''*[{_SIGNS}])', '\1\2', 'g'), '^''(''*[\t\r\n{_SIGNS}])', '\1')
        ELSE cell END""",
    rf"""CREATE MACRO guard(cell) AS regexp_replace(
        regexp_replace(cell, '([\r\n])(''*[{_SIGNS}])', '\1''\2', 'g'), '^(''*[\t\r\n{_SIGNS}])', '''\1')""",
    # A merge field, NULL when nothing is in it.
    f"""CREATE MACRO field(cell) AS CASE
        WHEN contains(cell, '''') THEN nullif(trim(unguard(cell), '{_WHITE_SPACE}'), '')
        ELSE nullif(strip(cell), '') END""",
)


def quoted(text: str) -> str:
    """Return a text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def fields_json(fields: dict[str, str]) -> str:
    """Return the SQL of a row's filled merge fields as compact JSON with sorted keys.

    Args:
        fields: merge field -> the SQL of its text, NULL when nothing is in it.
    """
    keys = {name: quoted(f'"{name}":') for name in sorted(fields)}
    parts = [f"{key} || to_json({fields[name]})" for name, key in keys.items()]
    return f"'{{' || concat_ws(',', {', '.join(parts)}) || '}}'" if parts else "'{}'"
