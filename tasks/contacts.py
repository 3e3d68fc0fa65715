"""Contact files, lists and opt-outs by hand."""

from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.runtime import flow_run

from campanile.pages.import_views import ImportReport
from campanile.pages.imports import change_page, import_page, import_rows, list_page, lists_page
from campanile.pages.run_links import RunLink
from campanile.services.contacts import attachments, file_import, lists, opt_out_records
from campanile.services.contacts.file_import import OPT_OUTS, Change, Result
from campanile.services.contacts.staged_files import ReadOptions
from campanile.services.input_checks import ATTACHED
from campanile.store.contacts.impact import Preview
from campanile.store.contacts.lists import declared_basis, list_card
from campanile.store.contacts.lists import lists as read_lists
from schemas.draft import CampaignDraft
from tasks.artifacts import publish, publish_table
from tasks.campaigns import publish_stale
from tasks.context import as_task, current_context
from tasks.run_links import basis_links

find_files = as_task(file_import.find_files)
find_opt_out_files = as_task(file_import.find_opt_out_files)
check_replacement = as_task(file_import.check_replacement)
declare_basis = as_task(lists.declare_basis, task_run_name="declare the legal basis of {list_name}")
set_columns = as_task(lists.set_columns, task_run_name="remember the columns of {list_name}")
set_header_row = as_task(lists.set_header_row, task_run_name="remember the header row of {list_name}")
check_basis = as_task(lists.check_basis)
record_told_opt_out = as_task(lists.record_told_opt_out, task_run_name="record an opt-out")
undo_opt_out = as_task(opt_out_records.undo_opt_out, task_run_name="undo an opt-out")


@task(task_run_name="import into {list_name}")
def import_file(
    list_name: str,
    path: Path,
    options: ReadOptions,
    replaces: int | None = None,
    actor: str | None = None,
    preview: bool = False,
) -> ImportReport | str:
    """Import one file into a list; return its report, or one line that says why the file was refused."""
    change = Change(replaces, actor or "campanile", preview)
    return file_import.import_file(current_context(), path, list_name, options, change)


@task(task_run_name="import opt-outs")
def import_opt_out_file(path: Path, options: ReadOptions) -> ImportReport | str:
    """Opt out every number of a file, from any country; return the same as ``import_file``."""
    return file_import.import_file(current_context(), path, None, options)


@task(task_run_name="read the file of {draft.name}")
def attach_file(draft: CampaignDraft) -> None:
    """Import the file of a draft into a list for this campaign only; do nothing if the draft has no file."""
    attached = attachments.attach_file(current_context(), draft)
    if attached is not None:
        list_name, result = attached
        _publish_import(list_name, [result])
        file_import.check_results([result])


@task
def publish_import(subject: str, results: Sequence[Result]) -> None:
    """Publish the reports of a run's files; do nothing if there were none."""
    _publish_import(subject, results)


@task
def fail_if_refused(results: Sequence[Result]) -> None:
    """End the run as failed if a file was not imported; the other files stay imported."""
    file_import.check_results(results)


@task(task_run_name="show lists")
def show_lists() -> str:
    """Publish every list with its counts, and return the page."""
    context = current_context()
    with context.transaction(read_only=True) as tx:
        found = read_lists(tx)
    page = lists_page(found, context.settings.zone)
    publish("lists", page, "All lists")
    return page


@task(task_run_name="show {list_name}")
def show_list(list_name: str, *, is_export: bool = False) -> str:
    """Publish the page of a list and return it; with ``is_export``, write its contacts as CSV and Parquet."""
    context = current_context()
    exports = lists.export_list(context, list_name) if is_export else []
    with context.transaction(read_only=True) as tx:
        card = list_card(tx, list_name)
    links = basis_links([list_name]) if card.legal_basis is None else []
    page = list_page(card, context.settings.zone, exports, links)
    publish(f"list-{list_name}", page, f"List {list_name}")
    return page


@task(task_run_name="declare the legal basis of {list_name}")
def declare_imported(list_name: str, legal_basis: str, actor: str) -> None:
    """Declare the legal basis that was given for the files of a run; one that the list has already does not change."""
    lists.declare_imported(current_context(), list_name, legal_basis, actor.strip() or f"run {flow_run.name}")


@task(task_run_name="{action} {list_name}")
def clear_list(list_name: str, action: str, actor: str, preview: bool) -> str:
    """Empty or delete a list, or show what that would do; return the page."""
    change = lists.clear_list(current_context(), list_name, action, actor, preview)
    return _publish_change(f"{action} list {list_name}", f"{action}-of-{list_name}", change, preview)


@task(task_run_name="undo import {import_id}")
def undo_file(import_id: int, actor: str, preview: bool) -> str:
    """Undo the import of a file, or show what that would do; return the page."""
    change = lists.undo_file(current_context(), import_id, actor, preview)
    return _publish_change(f"Undo import {import_id}", f"undo-import-{import_id}", change, preview)


@task
def export_opt_outs() -> str:
    """Write every opt-out with its proof as a CSV; return one line with its path."""
    return opt_out_records.export_opt_outs(current_context())[1]


def _publish_import(subject: str, results: Sequence[Result]) -> None:
    reports = [result for result in results if isinstance(result, ImportReport)]
    refused = [
        result if isinstance(result, str) else f"{type(result).__name__}: {result}"
        for result in results
        if not isinstance(result, ImportReport)
    ]
    if not results:
        return
    publish(
        f"import-{subject}",
        import_page(subject, reports, refused, _missing_basis_links(subject, reports)),
        f"Files into {subject}",
    )
    changes = [report.summary.replaced for report in reports if not report.is_preview]
    publish_stale([campaign for change in changes if change is not None for campaign in change.touched])
    publish_table(f"rows-of-{subject}", import_rows(reports), f"Rows into {subject}, by file and result")


def _missing_basis_links(subject: str, reports: Sequence[ImportReport]) -> list[RunLink]:
    """Return links to declare the legal basis of a list with new files and none; a draft's file has its own basis."""
    is_changed = any(not report.is_preview for report in reports)
    if not is_changed or subject == OPT_OUTS or subject.startswith(ATTACHED):
        return []
    with current_context().transaction(read_only=True) as tx:
        basis = declared_basis(tx, subject)
    return basis_links([subject]) if basis is None else []


def _publish_change(title: str, key: str, change: Preview, is_preview: bool) -> str:
    if not is_preview:
        publish_stale(change.touched)
    page = change_page(title, change, is_preview)
    publish(key, page, title)
    return page
