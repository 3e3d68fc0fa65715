"""Contact files in: found, read, merged, put away; each row with one fate."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from prefect import get_run_logger, task

from files.inbox import file_away, stable_files
from files.read import ContactFile, read_contact_file
from files.rejects import reject_rows, write_rejects
from files.rows import interpret_rows
from schemas.frames import IMPORT_ROWS
from sms.errors import ConfigurationError, ContactFileError
from sms.masking import mask_numbers
from store.contacts import ImportSummary, SourceFile, earlier_import, import_contacts, import_opt_outs
from tasks.clock import real_now
from tasks.house import data_path, visit_store
from tasks.names import check_name, is_name
from tasks.pages import import_page
from tasks.publish import publish, publish_table
from tasks.settings import settings

OPT_OUTS = "opt_outs"


@task
def find_files(list_name: str | None, path: str | None) -> list[tuple[str, Path]]:
    """Return (list, file) pairs: the file given, or every stable file of the drop folders.

    Raises:
        ContactFileError: the file given does not exist.
    """
    if path is not None:
        if list_name is None:
            raise ConfigurationError("a path needs a list_name: the list its contacts go into")
        if not Path(path).is_file():
            raise ContactFileError(f"no file {path}; give the path of a file, or drop it into {_inbox(list_name)}")
        return [(check_name(list_name, "list"), Path(path))]
    folders = [_inbox(check_name(list_name, "list"))] if list_name else _list_folders()
    return [(folder.name, found) for folder in folders for found in _stable(folder)]


@task
def find_opt_out_files(path: str | None) -> list[Path]:
    """Return the opt-out file given, or every stable file of the opt-outs' drop folder."""
    if path is None:
        return _stable(data_path("inbox", OPT_OUTS))
    if not Path(path).is_file():
        raise ContactFileError(
            f"no file {path}; give the path of a file, or drop it into {data_path('inbox', OPT_OUTS)}"
        )
    return [Path(path)]


@task(task_run_name="import into {list_name}")
def import_file(
    list_name: str,
    path: Path,
    region: str | None = None,
    columns: Mapping[str, str] | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
) -> ImportSummary | str:
    """Import one file into a list; return what became of its rows, or in one line why the file was refused."""
    return _import(path, list_name, region, columns, sheet, encoding)


@task(task_run_name="import opt-outs")
def import_opt_out_file(path: Path) -> ImportSummary | str:
    """Opt out every number of a file, of any country; return as ``import_file`` does."""
    return _import(path, None)


@task
def publish_import(subject: str, results: list[ImportSummary | str]) -> None:
    """Publish what became of a run's files; nothing when there were none.

    Raises:
        ContactFileError: a file was refused; the others were imported all the same.
    """
    if not results:
        return
    summaries = [result for result in results if isinstance(result, ImportSummary)]
    refusals = [result for result in results if isinstance(result, str)]
    publish(f"import-{subject}", import_page(subject, summaries, refusals), f"Files into {subject}")
    rows = [
        {"file": summary.file_name, "fate": fate, "rows": count}
        for summary in summaries
        for fate, count in (
            summary.fates | {f"rejected: {code}": n for code, n in summary.reject_reasons.items()}
        ).items()
    ]
    publish_table(f"import-{subject}-rows", rows, f"Rows into {subject}, by file and fate")
    if refusals:
        raise ContactFileError("; ".join(refusals))


def _import(
    path: Path,
    list_name: str | None,
    region: str | None = None,
    columns: Mapping[str, str] | None = None,
    sheet: str | None = None,
    encoding: str | None = None,
) -> ImportSummary | str:
    """Import contacts into a list, or opt-outs when there is no list; a STOP is honoured wherever it comes from."""
    kind, subject = ("contacts", list_name) if list_name else (OPT_OUTS, OPT_OUTS)
    max_bytes = settings().max_file_mb * 1024 * 1024
    try:
        contact_file = read_contact_file(path, columns=columns, sheet=sheet, encoding=encoding, max_bytes=max_bytes)
        source = _source(contact_file, path, region)
        with visit_store() as visit:
            summary = earlier_import(visit, source, kind, list_name)
        if summary is None:
            allowed = settings().allowed_countries if list_name else None
            rows = IMPORT_ROWS.validate(interpret_rows(contact_file, region or settings().region, allowed))
            _write_rejects(contact_file, rows, subject)
            with visit_store() as visit:
                if list_name:
                    summary = import_contacts(visit, list_name, source, rows)
                else:
                    summary = import_opt_outs(visit, source, rows)
    except ContactFileError as error:
        why = mask_numbers(str(error))
        get_run_logger().error("refused: %s", why)
        _put_away(path, "refused", "refused")
        return why
    _put_away(path, "archive", contact_file.sha256)
    fate = summary.same_as or dict(summary.fates)
    get_run_logger().info(mask_numbers(f"{contact_file.file_name} into {subject}: {fate}"))
    return summary


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


def _stable(folder: Path) -> list[Path]:
    return stable_files(folder, quiet_seconds=settings().inbox_quiet_seconds, now=real_now().timestamp())


def _source(contact_file: ContactFile, path: Path, region: str | None) -> SourceFile:
    return SourceFile(
        file_name=contact_file.file_name,
        sha256=contact_file.sha256,
        size_bytes=contact_file.size_bytes,
        encoding=contact_file.encoding,
        delimiter=contact_file.delimiter,
        sheet=contact_file.sheet,
        column_map=contact_file.column_map,
        region=region or settings().region,
        is_sample=_is_sample(path, contact_file.sha256),
    )


def _is_sample(path: Path, digest: str) -> bool:
    """Tell whether a file is one of the samples, by its place or by its bytes."""
    samples = settings().samples_dir.resolve()
    if path.resolve().is_relative_to(samples):
        return True
    return any(hashlib.sha256(sample.read_bytes()).hexdigest() == digest for sample in samples.glob("*.*"))


def _write_rejects(contact_file: ContactFile, rows: pd.DataFrame, subject: str) -> None:
    """Write the rejects before the import is committed: a run that is killed between the two writes them again."""
    rejected = rows[rows["reason"].notna()]
    if not rejected.empty:
        path = data_path("rejects", subject) / f"{Path(contact_file.file_name).stem}-{contact_file.sha256[:8]}.csv"
        reasons = dict(zip(rejected["row_number"], rejected["reason"], strict=True))
        write_rejects(path, contact_file.header, reject_rows(contact_file, reasons))


def _put_away(path: Path, folder: str, digest: str) -> None:
    """Move a file out of the drop folders; a file that was given by its path stays where it is."""
    inbox = data_path("inbox").resolve()
    if path.resolve().is_relative_to(inbox):
        relative = path.resolve().parent.relative_to(inbox)
        file_away(path, settings().data_dir / folder / relative, digest)
