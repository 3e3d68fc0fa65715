"""Pages about one person: everything for a file, and a short one with the number masked."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from campanile.pages.environment import render
from campanile.pages.person_views import ErasedView, Explained, PersonView, PurgedView
from campanile.pages.run_links import RunLink

_UTC = ZoneInfo("UTC")


def person_page(view: PersonView) -> str:
    """Return the page with everything, in clear; times on the person's clock and in UTC."""
    return render("person", view=view, zone=ZoneInfo(view.zone), utc=_UTC)


def explained_page(found: Explained, links: Sequence[RunLink], zone: ZoneInfo) -> str:
    """Return the page that says what was found and where the files are; no number and no text is in clear."""
    paths = {"page_path": found.page_path, "evidence_path": found.evidence_path}
    return render("explained", view=found.view, steps=links, zone=zone, **paths)


def erased_page(view: ErasedView, links: Sequence[RunLink]) -> str:
    """Return the page of an erasure: what was deleted, and where the number still is."""
    return render("erased", title="A person is erased", view=view, steps=links)


def purged_page(view: PurgedView, links: Sequence[RunLink]) -> str:
    """Return the page of a purge: what was deleted, by what it is."""
    return render("purged", title="Old data", view=view, steps=links)
