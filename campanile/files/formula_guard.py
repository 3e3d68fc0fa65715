"""Cells that a spreadsheet would run get an apostrophe; reading takes it off again.

A cell that already starts with apostrophes before such a sign gets one more, so that what is read back is what was
written.
"""

import re

# What starts a formula, full-width signs too; after a line break inside a cell as well, for readers that split
# there.
_SIGNS = r"=+@＝＋－＠\-"
_TO_GUARD = re.compile(rf"\A(?='*[{_SIGNS}\t\r\n])|(?<=[\r\n])(?='*[{_SIGNS}])")
_GUARDED = re.compile(rf"\A'(?='*[{_SIGNS}\t\r\n])|(?<=[\r\n])'(?='*[{_SIGNS}])")


def guard_cell(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return _TO_GUARD.sub("'", cell)


def unguard_cell(cell: str) -> str:
    """Return the cell that ``guard_cell`` was given."""
    return _GUARDED.sub("", cell) if "'" in cell else cell
