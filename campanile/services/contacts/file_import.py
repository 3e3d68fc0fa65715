"""Import contact files: find, read, merge and archive them; each row is accepted, updated, duplicate or rejected."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from campanile.files.parsing.column_aliases import OPT_OUT_DATE_NAMES, OPT_OUT_SOURCE_NAMES
from campanile.files.parsing.column_mapping import header_key
from campanile.files.parsing.stage import StagedFile
from campanile.files.staged_check import check_staged
from campanile.pages.import_views import ImportReport
from campanile.services.billing.alerts import send_alerts_about
from campanile.services.contacts.staged_files import (
    DroppedFile,
    ReadOptions,
    clear_leftovers,
    keep_rejects,
    source_of,
    stable_in,
    staged_file,
    staged_rows,
)
from campanile.services.context import Context
from campanile.services.input_checks import check_list_name, is_name
from campanile.services.refusals import log_refusal
from campanile.services.user_paths import given_file
from campanile.sms.errors import ConfigurationError, ContactFileError
from campanile.sms.text.masking import mask_numbers
from campanile.store.contacts.import_log import ImportSummary, SourceFile, earlier_import
from campanile.store.contacts.lists import (
    remember_columns,
    remember_header_row,
    remembered_columns,
    remembered_header_row,
)
from campanile.store.contacts.merge import import_contacts
from campanile.store.contacts.opt_outs import import_opt_outs
from campanile.store.contacts.undo import find_undoable

OPT_OUTS = "opt_outs"


@dataclass(frozen=True, slots=True)
class Change:
    """How a file changes its list: the import that it replaces, who acts, and whether it is only a preview."""

    replaces: int | None = None
    actor: str = "campanile"
    is_preview: bool = False


_ADDED = Change()

#: The outcome of a file: its report, one line why it was refused, or the error that stopped it.
Result = ImportReport | str | BaseException


def find_files(context: Context, list_name: str | None, path: str | None) -> list[tuple[str, Path]]:
    """Return (list, file) pairs: the given file, or every stable file of the drop folders.

    Raises:
        ConfigurationError: a path without a list name, or a path that files may not be read from.
        ContactFileError: the given file does not exist.
    """
    clear_leftovers(context)
    if path is not None:
        if list_name is None:
            raise ConfigurationError("a path needs a list_name: the list its contacts go into")
        return [(check_list_name(list_name), existing_file(context, path, "contacts", list_name))]
    folders = [_inbox(context, check_list_name(list_name))] if list_name else _list_folders(context)
    return [(folder.name, found) for folder in folders for found in stable_in(context, folder)]


def find_opt_out_files(context: Context, path: str | None) -> list[Path]:
    """Return the given opt-out file, or every stable file of the opt-outs' drop folder."""
    clear_leftovers(context)
    return (
        stable_in(context, context.data_path("inbox", OPT_OUTS))
        if path is None
        else [existing_file(context, path, OPT_OUTS)]
    )


def check_replacement(
    context: Context, list_name: str | None, path: str | None, mode: str, replaces: int | None
) -> None:
    """Refuse an incomplete replacement, before a file is read.

    Raises:
        ConfigurationError: ``mode`` and ``replaces`` do not go together.
        CampaignError: there is no such import in the list, or it was undone before.
    """
    if mode == "add" and replaces is None:
        return
    if mode == "add" or replaces is None or path is None or list_name is None:
        raise ConfigurationError(
            f"mode {mode!r} with replaces={replaces}: to replace an import, give mode 'replace', the number of that "
            "import in replaces, its list_name and the path of the new file"
        )
    with context.transaction(read_only=True) as tx:
        find_undoable(tx, replaces, list_name)


def check_results(results: Sequence[Result]) -> None:
    """Fail the run when a file was not imported; the other files stay imported.

    Raises:
        ContactFileError: files were refused; one line for all of them.
        BaseException: the error that stopped the import of a file.
    """
    for result in results:
        if isinstance(result, BaseException):
            raise result
    refused = [result for result in results if isinstance(result, str)]
    if refused:
        raise ContactFileError("; ".join(refused))


def import_file(
    context: Context, path: Path, list_name: str | None, options: ReadOptions, change: Change = _ADDED
) -> ImportReport | str:
    """Import contacts into a list, or opt-outs if there is no list; opt-outs of every country are accepted."""
    subject = list_name or OPT_OUTS
    started = time.monotonic()
    dropped = DroppedFile.at(path)
    options = _with_remembered(context, list_name, options)
    try:
        with staged_file(context, path, options, allows_every_country=list_name is None) as staged:
            source = source_of(context, staged, path, options)
            summary = _store_rows(context, staged, source, list_name, change, options)
    except ContactFileError as error:
        why = mask_numbers(str(error))
        log_refusal(context.log, f"refused: {why}")
        if not change.is_preview:
            dropped.put_away(context, "refused", "refused")
        return why
    if not change.is_preview:
        dropped.put_away(context, "archive", staged.sha256)
        send_alerts_about(context, summary.replaced.touched if summary.replaced else ())
    results = summary.same_as or dict(summary.result_counts)
    context.log.info(mask_numbers(f"{staged.file_name} into {subject}: {results}"))
    return ImportReport(summary, staged, time.monotonic() - started, change.is_preview)


def _with_remembered(context: Context, list_name: str | None, options: ReadOptions) -> ReadOptions:
    """Return the options with the columns and the header row that are stored for a list, if none are given."""
    if list_name is None:
        return options
    with context.transaction(read_only=True) as tx:
        columns, header_row = remembered_columns(tx, list_name), remembered_header_row(tx, list_name)
    if columns and not options.columns:
        options = replace(options, columns=columns, is_remembered=True)
    if header_row and not options.header_row:
        options = replace(options, header_row=header_row, is_header_row_remembered=True)
    return options


def _store_rows(
    context: Context,
    staged: StagedFile,
    source: SourceFile,
    list_name: str | None,
    change: Change,
    options: ReadOptions,
) -> ImportSummary:
    """Import a staged file, and store the columns and the header row that were given for it."""
    kind, subject = ("contacts", list_name) if list_name else (OPT_OUTS, OPT_OUTS)
    with context.transaction(read_only=True) as tx:
        earlier = earlier_import(tx, source, kind, list_name)
    if earlier is not None:
        return earlier
    check_staged(staged)
    if not change.is_preview:
        keep_rejects(context, staged, subject)
    with context.transaction() as tx:
        if change.is_preview:
            tx.dry_run()
        if list_name:
            summary = import_contacts(
                tx, list_name, source, staged_rows(staged), replaces=change.replaces, actor=change.actor
            )
            if options.columns and not options.is_remembered:
                remember_columns(tx, list_name, options.columns)
            if options.header_row and not options.is_header_row_remembered:
                remember_header_row(tx, list_name, options.header_row)
            return summary
        return import_opt_outs(
            tx,
            source,
            staged_rows(staged),
            date_field=_field_named(staged, OPT_OUT_DATE_NAMES),
            source_field=_field_named(staged, OPT_OUT_SOURCE_NAMES),
            zone=context.settings.team_zone,
        )


def _field_named(staged: StagedFile, names: frozenset[str]) -> str | None:
    """Return the merge field of the first column that has one of these names."""
    return next((field for name, field in staged.column_map.items() if header_key(name) in names), None)


def existing_file(context: Context, path: str, *drop_folder: str) -> Path:
    """Return the file that a user gave by its path.

    Raises:
        ConfigurationError: files may not be read from there.
        ContactFileError: it does not exist.
    """
    file = given_file(context, path)
    if not file.is_file():
        folder = context.data_path("inbox", *drop_folder)
        raise ContactFileError(f"no file {path}; give the path of a file, or drop it into {folder}")
    return file


def _inbox(context: Context, *parts: str) -> Path:
    return context.data_path("inbox", "contacts", *parts)


def _list_folders(context: Context) -> list[Path]:
    """Return the drop folders of lists; anything else beside them is logged and not read."""
    found = sorted(_inbox(context).iterdir())
    folders = [path for path in found if path.is_dir() and is_name(path.name)]
    for path in set(found) - set(folders):
        context.log.warning(
            "%s is not a drop folder of a list: give a folder a name of small letters, digits and dashes",
            mask_numbers(path.name),
        )
    return folders
