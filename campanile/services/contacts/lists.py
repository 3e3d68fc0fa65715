"""Manage lists: export, declare the legal basis, empty, delete; undo an import; record an opt-out."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from campanile.files.exports import convert_to_csv
from campanile.files.parsing.column_mapping import check_columns
from campanile.services.billing.alerts import send_alerts_about
from campanile.services.contacts.staged_files import check_header_row
from campanile.services.context import Context
from campanile.services.input_checks import require_actor
from campanile.sms.errors import CampaignError, InvalidNumber
from campanile.sms.numbers.msisdn import parse_number
from campanile.sms.text.masking import mask_number
from campanile.sms.text.typed_values import read_moment
from campanile.store.contacts.impact import Preview
from campanile.store.contacts.lists import (
    declare_legal_basis,
    declared_basis,
    export_contacts,
    remember_columns,
    remember_header_row,
)
from campanile.store.contacts.opt_outs import record_opt_out
from campanile.store.contacts.undo import delete_list, empty_list, undo_import

_CLEARING = {"empty": empty_list, "delete": delete_list}


def declare_basis(context: Context, list_name: str, legal_basis: str, wording: str | None, actor: str) -> None:
    """Declare the legal basis of a list.

    Raises:
        CampaignError: there is no such list or basis, or actor is empty.
    """
    with context.transaction() as tx:
        declare_legal_basis(tx, list_name, legal_basis, wording, require_actor(actor))


def set_columns(context: Context, list_name: str, columns: Mapping[str, str]) -> None:
    """Store the mapping of columns for the next files of a list; an empty mapping removes it.

    Raises:
        CampaignError: there is no such list.
        ContactFileError: a field name is not valid.
    """
    check_columns(columns)
    with context.transaction() as tx:
        remember_columns(tx, list_name, columns)


def set_header_row(context: Context, list_name: str, header_row: int) -> None:
    """Store which line is the header in the next files of a list, counted from 1; 0 removes it.

    Raises:
        CampaignError: there is no such list.
        ContactFileError: it is negative.
    """
    check_header_row(header_row)
    with context.transaction() as tx:
        remember_header_row(tx, list_name, header_row or None)


def check_basis(context: Context, list_names: Iterable[str], legal_basis: str) -> None:
    """Refuse to import people into a list that has another legal basis than theirs, before a file is read.

    Raises:
        CampaignError: a list has another legal basis.
    """
    if not legal_basis:
        return
    with context.transaction(read_only=True) as tx:
        declared = {name: declared_basis(tx, name) for name in sorted(list_names)}
    others = [f"{name} has {basis}" for name, basis in declared.items() if basis not in (None, legal_basis)]
    if others:
        raise CampaignError(
            f"legal_basis {legal_basis} is not that of the list: {'; '.join(others)}. Import these people into a "
            "separate list, or declare the whole list again with manage-list"
        )


def declare_imported(context: Context, list_name: str, legal_basis: str, actor: str) -> None:
    """Declare the legal basis that was given for the files of a run; a list that has one already keeps it."""
    with context.transaction() as tx:
        if declared_basis(tx, list_name) is None:
            declare_legal_basis(tx, list_name, legal_basis, None, actor)


def clear_list(context: Context, list_name: str, action: str, actor: str, preview: bool) -> Preview:
    """Empty or delete a list, or only preview it; return what changes.

    Raises:
        CampaignError: there is no such list, or actor is empty.
    """
    actor = require_actor(actor)
    with context.transaction() as tx:
        if preview:
            tx.dry_run()
        change = _CLEARING[action](tx, list_name, actor)
    return _concluded(context, change, preview)


def undo_file(context: Context, import_id: int, actor: str, preview: bool) -> Preview:
    """Undo the import of a file, or only preview it; return what changes.

    Raises:
        CampaignError: there is no such import, it was undone before, it holds opt-outs, or actor is empty.
    """
    actor = require_actor(actor)
    with context.transaction() as tx:
        if preview:
            tx.dry_run()
        change = undo_import(tx, import_id, actor)
    return _concluded(context, change, preview)


def record_told_opt_out(
    context: Context, number: str, source: str, actor: str, note: str | None, said_at: str | None
) -> bool:
    """Record an opt-out that a person gave to a colleague; return whether it is new.

    Raises:
        CampaignError: the number, the source or the time is not valid, or actor is empty.
    """
    try:
        found = parse_number(number, context.settings.region)
    except InvalidNumber as error:
        raise CampaignError(f"number {mask_number(number)} cannot be opted out: {error}") from error
    said, actor = _instant(context, said_at), require_actor(actor)
    with context.transaction() as tx:
        is_new = record_opt_out(tx, found.number_id, source=source, note=note, said_at=said, actor=actor)
    words = "is opted out from now on" if is_new else "was opted out before"
    context.log.info("%s %s", mask_number(found.msisdn), words)
    return is_new


def _concluded(context: Context, change: Preview, preview: bool) -> Preview:
    """Send the alerts that a change raised, unless it was a dry run; return it."""
    if not preview:
        send_alerts_about(context, change.touched)
    return change


def _instant(context: Context, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            found = datetime.fromisoformat(read_moment(text, context.settings.is_day_first))
        except ValueError as error:
            raise CampaignError(f"said_at: {error}") from error
    return found if found.tzinfo else found.replace(tzinfo=context.settings.zone)


def export_list(context: Context, list_name: str) -> list[Path]:
    """Write the contacts of a list as Parquet and CSV; return the paths."""
    day = context.now().astimezone(context.settings.zone).date()
    parquet = context.data_path("exports", "lists") / f"{list_name}-{day}.parquet"
    with context.transaction(read_only=True) as tx:
        count = export_contacts(tx, list_name, parquet)
    context.log.info("%s: %d contacts exported", list_name, count)
    return [parquet, convert_to_csv(parquet, parquet.with_suffix(".csv"))]
