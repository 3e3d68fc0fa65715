"""Page of a campaign's results: states of its messages, their cost, and the replies."""

from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.views import ResultsView


def results_page(view: ResultsView, zone: ZoneInfo) -> str:
    """Return the results page of a campaign."""
    most = max((row.message_count for row in view.states), default=1)
    return render("results", view=view, most=most, zone=zone)
