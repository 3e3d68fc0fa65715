"""The result of a flow as text for a terminal."""

from collections.abc import Mapping, Sequence

from campanile.pages.import_views import ImportReport
from campanile.pages.imports import import_page
from campanile.services.campaigns.read_recap import read_recap
from schemas.recap_rows import Recap
from tasks.campaigns import draw_recap
from tasks.context import current_context


def printed(result: object) -> str:
    """Return a result as text: recaps and imports as their pages, counts and names one per line."""
    context = current_context()
    match result:
        case Recap():
            with context.transaction(read_only=True) as tx:
                view = read_recap(context, tx, result.campaign_id)
            return draw_recap(view)
        case bool():
            return "done" if result else "nothing to do: it was done before"
        case str():
            return result
        case Mapping():
            return "\n".join(_named(str(name), value) for name, value in result.items()) or "nothing new"
        case Sequence():
            return _listed("opt_outs", result)
    return str(result)


def _named(name: str, value: object) -> str:
    return _listed(name, value) if isinstance(value, list) else f"{name}: {value}"


def _listed(subject: str, items: Sequence[object]) -> str:
    """Return the page of imported files, or one item per line."""
    reports = [item for item in items if isinstance(item, ImportReport)]
    if reports:
        return import_page(subject, reports, [str(item) for item in items if not isinstance(item, ImportReport)])
    return "\n".join(str(item) for item in items) or "nothing to do"
