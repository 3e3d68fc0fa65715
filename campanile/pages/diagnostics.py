"""Page of the set-up checks: one row for each check, with what was found and what to do about it."""

from collections.abc import Sequence
from typing import NamedTuple

from campanile.pages.environment import render

_SIGNS = {"in order": "✓", "advice": "⚠", "fails": "✗"}


class Check(NamedTuple):
    """One check; ``verdict`` is ``in order``, ``advice`` or ``fails``."""

    name: str
    verdict: str
    found: str
    to_do: str = ""

    def __str__(self) -> str:
        """Return it as a line of text."""
        return f"{self.name}: {self.verdict}: {self.found}" + (f". To do: {self.to_do}" if self.to_do else "")


def checks_page(checks: Sequence[Check]) -> str:
    """Return the page: first the checks with something to do, then those that are in order."""
    by_verdict = {verdict: [check for check in checks if check.verdict == verdict] for verdict in _SIGNS}
    asking = by_verdict["fails"] + by_verdict["advice"]
    sections = {"To do": asking, "In order": by_verdict["in order"]}
    return render("diagnostics", checks=checks, asking=asking, sections=sections, signs=_SIGNS)
