"""One person: explanation and erasure."""

from prefect import task

from campanile.pages.person import explained_page, person_page
from campanile.pages.run_links import ERASE, OPT_OUT
from campanile.services.contacts import explain
from tasks.artifacts import publish
from tasks.context import current_context
from tasks.run_links import step_links


@task(task_run_name="explain a number")
def publish_explanation(number: str) -> str:
    """Write everything about a number to files, publish what was found without number and texts; return that page."""
    context = current_context()
    view = explain.read_person(context, number)
    found = explain.write_person(context, view, person_page(view))
    page = explained_page(found, step_links([OPT_OUT, ERASE]), context.settings.zone)
    publish("explain-number", page, "Explanation of a number")
    return page
