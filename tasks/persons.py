"""One person: explanation and erasure."""

from functools import partial

from prefect import task

from campanile.pages.person import erased_page, explained_page, person_page, purged_page
from campanile.pages.run_links import ERASE, EXPLAIN, OPT_OUT
from campanile.services.contacts import erase, explain, purge
from tasks.artifacts import publish
from tasks.context import current_context
from tasks.prefect_traces import delete_old_runs, erase_from_prefect
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


@task(task_run_name="erase a person")
def publish_erasure(number: str, actor: str, reason: str) -> str:
    """Erase a person in Prefect, files, the store and its copies; publish what was done, and return the page."""
    context = current_context()
    traces = erase.check_erasable(context, number, actor, reason)
    deleted = erase_from_prefect(partial(erase.is_about, traces=traces))
    view = erase.erase_person(context, number, actor, reason, deleted)
    page = erased_page(view, step_links([EXPLAIN]))
    publish("erase-person", page, "A person is erased")
    return page


@task(task_run_name="delete old data")
def publish_purge() -> str:
    """Delete what is older than the settings allow; publish what was deleted and return the page."""
    context = current_context()
    run_count = delete_old_runs(context.settings.keep_runs_days)
    page = purged_page(purge.purge_old_data(context, run_count), step_links([]))
    publish("old-data", page, "Old data")
    return page
