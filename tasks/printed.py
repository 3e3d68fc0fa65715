"""What a flow returned, as somebody reads it in a terminal."""

from collections.abc import Mapping, Sequence

from store.recaps import Recap
from tasks.house import visit_store
from tasks.import_pages import ImportReport, import_page
from tasks.recaps import draw_recap, read_recap


def printed(result: object) -> str:
    """Return a result as text: a recap and imports as their pages, counts and names one a line."""
    match result:
        case Recap():
            with visit_store(read_only=True) as visit:
                view = read_recap(visit, result.campaign_id)
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
    """Return the page of imported files, or each item on a line."""
    reports = [item for item in items if isinstance(item, ImportReport)]
    if reports:
        return import_page(subject, reports, [str(item) for item in items if not isinstance(item, ImportReport)])
    return "\n".join(str(item) for item in items) or "nothing to do"
