"""Page of the set-up checks: one row for each check, with what was found and what to do about it."""

from collections.abc import Sequence

from campanile.pages.environment import render
from campanile.pages.views import Check

_SIGNS = {"in order": "✓", "advice": "⚠", "fails": "✗"}


def checks_page(checks: Sequence[Check]) -> str:
    """Return the page: first the checks with something to do, then those that are in order."""
    by_verdict = {verdict: [check for check in checks if check.verdict == verdict] for verdict in _SIGNS}
    asking = by_verdict["fails"] + by_verdict["advice"]
    sections = {"To do": asking, "In order": by_verdict["in order"]}
    return render("diagnostics", checks=checks, asking=asking, sections=sections, signs=_SIGNS)
