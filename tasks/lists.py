"""Lists by hand: show, export, declare their legal basis, empty, delete; undo an import; record an opt-out."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from prefect import get_run_logger, task
from prefect.runtime import flow_run

from files.columns import check_columns
from files.exports import convert_to_csv
from sms.errors import CampaignError, InvalidNumber
from sms.masking import mask_number
from sms.msisdn import parse_number
from sms.typed import read_moment
from store.changes import Preview
from store.lists import (
    declare_legal_basis,
    declared_basis,
    export_contacts,
    list_card,
    lists,
    remember_columns,
    remember_header_row,
)
from store.opt_outs import record_opt_out
from store.undo import delete_list, empty_list, undo_import
from tasks.alerts import send_alerts_about
from tasks.clock import now
from tasks.house import data_path, visit_store
from tasks.import_pages import change_page, list_page, lists_page
from tasks.links import basis_links
from tasks.names import signed
from tasks.publish import publish
from tasks.reading import check_header_row
from tasks.recaps import publish_stale
from tasks.settings import settings

_CLEARING = {"empty": empty_list, "delete": delete_list}


@task(task_run_name="show lists")
def show_lists() -> str:
    """Publish every list with what it holds, and return the page."""
    with visit_store(read_only=True) as visit:
        page = lists_page(lists(visit), settings().zone)
    publish("lists", page, "All lists")
    return page


@task(task_run_name="show {list_name}")
def show_list(list_name: str, *, is_export: bool = False) -> str:
    """Publish what is known of a list, and return the page; on demand, write its contacts as CSV and Parquet.

    Raises:
        CampaignError: there is no such list.
    """
    exports = _export(list_name) if is_export else []
    with visit_store(read_only=True) as visit:
        card = list_card(visit, list_name)
    links = basis_links([list_name]) if card["legal_basis"] is None else []
    page = list_page(card, settings().zone, exports, links)
    publish(f"list-{list_name}", page, f"List {list_name}")
    return page


@task(task_run_name="declare the legal basis of {list_name}")
def declare(list_name: str, legal_basis: str, wording: str | None, name: str) -> None:
    """Declare why the people of a list may be written to.

    Raises:
        CampaignError: there is no such list or basis, or nobody says who declares it.
    """
    with visit_store() as visit:
        declare_legal_basis(visit, list_name, legal_basis, wording, signed(name))


@task(task_run_name="remember the columns of {list_name}")
def set_columns(list_name: str, columns: Mapping[str, str]) -> None:
    """Keep which column is which for the next files of a list; an empty mapping forgets it.

    Raises:
        CampaignError: there is no such list.
        ContactFileError: a field is no name of one.
    """
    check_columns(columns)
    with visit_store() as visit:
        remember_columns(visit, list_name, columns)


@task(task_run_name="remember the header row of {list_name}")
def set_header_row(list_name: str, header_row: int) -> None:
    """Keep which line is the header in the next files of a list, from 1; 0 forgets it.

    Raises:
        CampaignError: there is no such list.
        ContactFileError: it is no line.
    """
    check_header_row(header_row)
    with visit_store() as visit:
        remember_header_row(visit, list_name, header_row or None)


@task
def check_basis(list_names: Iterable[str], legal_basis: str) -> None:
    """Refuse to bring people into a list that stands on another legal basis than theirs, before a file is read.

    Raises:
        CampaignError: a list was declared otherwise.
    """
    if not legal_basis:
        return
    with visit_store(read_only=True) as visit:
        declared = {name: declared_basis(visit, name) for name in sorted(list_names)}
    others = [f"{name} stands on {basis}" for name, basis in declared.items() if basis not in (None, legal_basis)]
    if others:
        raise CampaignError(
            f"legal_basis {legal_basis} is not that of the list: {'; '.join(others)}. Import these people into a list "
            "of their own, or declare the whole list anew with manage-list"
        )


@task(task_run_name="declare the legal basis of {list_name}")
def declare_imported(list_name: str, legal_basis: str, name: str) -> None:
    """Declare the legal basis that the files of a run came with; one that the list has already stays as it is."""
    with visit_store() as visit:
        if declared_basis(visit, list_name) is None:
            declare_legal_basis(visit, list_name, legal_basis, None, name.strip() or f"run {flow_run.name}")


@task(task_run_name="{action} {list_name}")
def clear(list_name: str, action: str, name: str, preview: bool) -> str:
    """Empty or delete a list, or show what that would do; return the page.

    Raises:
        CampaignError: there is no such list, or nobody says who does it.
    """
    actor = signed(name)
    with visit_store() as visit:
        if preview:
            visit.rehearse()
        change = _CLEARING[action](visit, list_name, actor)
    return _publish_change(f"{action} list {list_name}", f"{action}-of-{list_name}", change, preview)


@task(task_run_name="undo import {import_id}")
def undo(import_id: int, name: str, preview: bool) -> str:
    """Take a file out of its list again, or show what that would do; return the page.

    Raises:
        CampaignError: there is no such import, it was undone before, it holds opt-outs, or nobody says who undoes it.
    """
    actor = signed(name)
    with visit_store() as visit:
        if preview:
            visit.rehearse()
        change = undo_import(visit, import_id, actor)
    return _publish_change(f"Undo import {import_id}", f"undo-import-{import_id}", change, preview)


@task(task_run_name="record an opt-out")
def record_stop(number: str, source: str, name: str, note: str | None, said_at: str | None) -> bool:
    """Record that a person told a colleague to stop; return whether that was new.

    Raises:
        CampaignError: the number, the source or the time cannot be, or nobody says who records it.
    """
    try:
        found = parse_number(number, settings().region)
    except InvalidNumber as error:
        raise CampaignError(f"number {mask_number(number)} cannot be opted out: {error}") from error
    said, actor = _instant(said_at), signed(name)
    with visit_store() as visit:
        is_new = record_opt_out(
            visit, found.number_id, found.msisdn, source=source, note=note, said_at=said, actor=actor
        )
    words = "is opted out from now on" if is_new else "was opted out before"
    get_run_logger().info("%s %s", mask_number(found.msisdn), words)
    return is_new


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            found = datetime.fromisoformat(read_moment(text, settings().is_day_first))
        except ValueError as error:
            raise CampaignError(f"said_at: {error}") from error
    return found if found.tzinfo else found.replace(tzinfo=settings().zone)


def _export(list_name: str) -> list[Path]:
    day = now().astimezone(settings().zone).date()
    parquet = data_path("exports", "lists") / f"{list_name}-{day}.parquet"
    with visit_store(read_only=True) as visit:
        count = export_contacts(visit, list_name, parquet)
    get_run_logger().info("%s: %d contacts exported", list_name, count)
    return [parquet, convert_to_csv(parquet, parquet.with_suffix(".csv"))]


def _publish_change(title: str, key: str, change: Preview, is_preview: bool) -> str:
    if not is_preview:
        send_alerts_about(change.touched)
        publish_stale(change.touched)
    page = change_page(title, change, is_preview)
    publish(key, page, title)
    return page
