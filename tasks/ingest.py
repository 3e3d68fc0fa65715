"""Contact files in: found, read, merged, put away; each row with one fate."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prefect import get_run_logger, task

from files.column_names import OPT_OUT_DATE_NAMES, OPT_OUT_SOURCE_NAMES
from files.columns import header_key
from files.staging import StagedFile
from sms.errors import ConfigurationError, ContactFileError
from sms.masking import mask_numbers
from store.contacts import import_contacts
from store.imports import ImportSummary, SourceFile, earlier_import
from store.lists import (
    declared_basis,
    remember_columns,
    remember_header_row,
    remembered_columns,
    remembered_header_row,
)
from store.opt_outs import import_opt_outs
from store.undo import find_undoable
from tasks.alerts import send_alerts_about
from tasks.given_files import given_file
from tasks.house import data_path, visit_store
from tasks.import_pages import ImportReport, import_page, import_rows
from tasks.links import RunLink, basis_links
from tasks.names import ATTACHED, check_list_name, is_name
from tasks.publish import publish, publish_table
from tasks.reading import (
    DroppedFile,
    ReadOptions,
    clear_leftovers,
    keep_rejects,
    source_of,
    stable_in,
    staged_file,
    staged_rows,
)
from tasks.recaps import publish_stale
from tasks.refusals import log_refusal
from tasks.settings import settings

OPT_OUTS = "opt_outs"


@dataclass(frozen=True, slots=True)
class Change:
    """How a file changes its list: the import whose place it takes, who says so, or only what it would do."""

    replaces: int | None = None
    actor: str = "campanile"
    is_preview: bool = False


_ADDED = Change()

#: What became of a file: its report, or in one line why it was refused, or the error that stopped it.
Result = ImportReport | str | BaseException


@task
def find_files(list_name: str | None, path: str | None) -> list[tuple[str, Path]]:
    """Return (list, file) pairs: the file given, or every stable file of the drop folders.

    Raises:
        ContactFileError: the file given does not exist.
    """
    clear_leftovers()
    if path is not None:
        if list_name is None:
            raise ConfigurationError("a path needs a list_name: the list its contacts go into")
        return [(check_list_name(list_name), _existing(path, "contacts", list_name))]
    folders = [_inbox(check_list_name(list_name))] if list_name else _list_folders()
    return [(folder.name, found) for folder in folders for found in stable_in(folder)]


@task
def find_opt_out_files(path: str | None) -> list[Path]:
    """Return the opt-out file given, or every stable file of the opt-outs' drop folder."""
    clear_leftovers()
    return stable_in(data_path("inbox", OPT_OUTS)) if path is None else [_existing(path, OPT_OUTS)]


@task
def check_replacement(list_name: str | None, path: str | None, mode: str, replaces: int | None) -> None:
    """Refuse a replacement that is not wholly said, before a file is read.

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
    with visit_store(read_only=True) as visit:
        find_undoable(visit, replaces, list_name)


@task(task_run_name="import into {list_name}")
def import_file(
    list_name: str,
    path: Path,
    options: ReadOptions,
    replaces: int | None = None,
    name: str | None = None,
    preview: bool = False,
) -> ImportReport | str:
    """Import one file into a list; return what became of its rows, or in one line why the file was refused."""
    return take_in(path, list_name, options, Change(replaces, name or "campanile", preview))


@task(task_run_name="import opt-outs")
def import_opt_out_file(path: Path, options: ReadOptions) -> ImportReport | str:
    """Opt out every number of a file, of any country; return as ``import_file`` does."""
    return take_in(path, None, options)


@task
def publish_import(subject: str, results: Sequence[Result]) -> None:
    """Publish what became of a run's files; nothing when there were none."""
    reports = [result for result in results if isinstance(result, ImportReport)]
    refused = [
        result if isinstance(result, str) else f"{type(result).__name__}: {result}"
        for result in results
        if not isinstance(result, ImportReport)
    ]
    if results:
        page = import_page(subject, reports, refused, _basis_links(subject, reports))
        publish(f"import-{subject}", page, f"Files into {subject}")
        done = [report.summary.replaced for report in reports if not report.is_preview]
        publish_stale(campaign for change in done if change is not None for campaign in change.touched)
        publish_table(f"rows-of-{subject}", import_rows(reports), f"Rows into {subject}, by file and fate")


def _basis_links(subject: str, reports: Sequence[ImportReport]) -> list[RunLink]:
    """Return how to declare the legal basis of a list that has taken files and has none; a draft's file has its own."""
    has_taken = any(not report.is_preview for report in reports)
    if not has_taken or subject == OPT_OUTS or subject.startswith(ATTACHED):
        return []
    with visit_store(read_only=True) as visit:
        basis = declared_basis(visit, subject)
    return basis_links([subject]) if basis is None else []


@task
def fail_if_refused(results: Sequence[Result]) -> None:
    """End the run as failed when a file was not imported; the others were, all the same.

    Raises:
        ContactFileError: files were refused; one line for all of them.
        BaseException: whatever stopped the import of a file.
    """
    for result in results:
        if isinstance(result, BaseException):
            raise result
    refused = [result for result in results if isinstance(result, str)]
    if refused:
        raise ContactFileError("; ".join(refused))


def take_in(path: Path, list_name: str | None, options: ReadOptions, change: Change = _ADDED) -> ImportReport | str:
    """Import contacts into a list, or opt-outs when there is no list; a STOP is honoured wherever it comes from."""
    subject = list_name or OPT_OUTS
    started = time.monotonic()
    dropped = DroppedFile.at(path)
    options = _with_remembered(list_name, options)
    try:
        with staged_file(path, options, allows_every_country=list_name is None) as staged:
            source = source_of(staged, path, options)
            summary = _store(staged, source, list_name, change, options)
    except ContactFileError as error:
        why = mask_numbers(str(error))
        log_refusal(f"refused: {why}")
        if not change.is_preview:
            dropped.put_away("refused", "refused")
        return why
    if not change.is_preview:
        dropped.put_away("archive", staged.sha256)
        send_alerts_about(summary.replaced.touched if summary.replaced else ())
    fate = summary.same_as or dict(summary.fates)
    get_run_logger().info(mask_numbers(f"{staged.file_name} into {subject}: {fate}"))
    return ImportReport(summary, staged, time.monotonic() - started, change.is_preview)


def _with_remembered(list_name: str | None, options: ReadOptions) -> ReadOptions:
    """Return the options with the columns and the header row that are remembered for a list, where none are given."""
    if list_name is None:
        return options
    with visit_store(read_only=True) as visit:
        columns, header_row = remembered_columns(visit, list_name), remembered_header_row(visit, list_name)
    if columns and not options.columns:
        options = replace(options, columns=columns, is_remembered=True)
    if header_row and not options.header_row:
        options = replace(options, header_row=header_row, is_header_row_remembered=True)
    return options


def _store(
    staged: StagedFile, source: SourceFile, list_name: str | None, change: Change, options: ReadOptions
) -> ImportSummary:
    """Import a staged file, and remember the columns and the header row that were given for it."""
    kind, subject = ("contacts", list_name) if list_name else (OPT_OUTS, OPT_OUTS)
    with visit_store(read_only=True) as visit:
        earlier = earlier_import(visit, source, kind, list_name)
    if earlier is not None:
        return earlier
    if not change.is_preview:
        keep_rejects(staged, subject)
    with visit_store() as visit:
        if change.is_preview:
            visit.rehearse()
        if list_name:
            summary = import_contacts(
                visit, list_name, source, staged_rows(staged), replaces=change.replaces, actor=change.actor
            )
            if options.columns and not options.is_remembered:
                remember_columns(visit, list_name, options.columns)
            if options.header_row and not options.is_header_row_remembered:
                remember_header_row(visit, list_name, options.header_row)
            return summary
        return import_opt_outs(
            visit,
            source,
            staged_rows(staged),
            date_field=_field_named(staged, OPT_OUT_DATE_NAMES),
            source_field=_field_named(staged, OPT_OUT_SOURCE_NAMES),
            zone=settings().team_zone,
        )


def _field_named(staged: StagedFile, names: frozenset[str]) -> str | None:
    """Return the merge field of the first column that has one of these names."""
    return next((field for name, field in staged.column_map.items() if header_key(name) in names), None)


def _existing(path: str, *drop_folder: str) -> Path:
    file = given_file(path)
    if not file.is_file():
        folder = data_path("inbox", *drop_folder)
        raise ContactFileError(f"no file {path}; give the path of a file, or drop it into {folder}")
    return file


def _inbox(*parts: str) -> Path:
    return data_path("inbox", "contacts", *parts)


def _list_folders() -> list[Path]:
    """Return the drop folders of lists; what lies beside them is named in the log, and left alone."""
    found = sorted(_inbox().iterdir())
    folders = [path for path in found if path.is_dir() and is_name(path.name)]
    for path in set(found) - set(folders):
        get_run_logger().warning(
            "%s is no drop folder of a list: a folder with a name of small letters, digits and dashes is",
            mask_numbers(path.name),
        )
    return folders
