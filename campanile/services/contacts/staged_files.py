"""Stage the rows of a contact file in a limited child process, and move the file out of its drop folder."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from campanile.files.inbox import file_away, stable_files
from campanile.files.parsing.stage import ParserLimits, StagedFile, StagingRequest, stage_in_child
from campanile.services.clock import real_now
from campanile.services.context import Context
from campanile.sms.errors import ContactFileError
from campanile.sms.text.masking import mask_numbers
from campanile.store.contacts.import_log import SourceFile, StagedRows

ATTACHMENTS = "attachments"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a file; None: as the file itself shows.

    ``is_remembered``: the columns were given for an earlier file of the list; ``is_header_row_remembered``: so was the
    line of the header. ``number_names``: header keys of the number column that come before the usual ones.
    """

    region: str | None = None
    columns: Mapping[str, str] | None = None
    sheet: str | None = None
    encoding: str | None = None
    is_remembered: bool = False
    header_row: int | None = None
    is_header_row_remembered: bool = False
    hidden_rows: str = "leave_out"
    repairs_text: bool = False
    number_names: tuple[str, ...] = ()

    def said(self) -> dict[str, Any]:
        """Return the options that a person gave besides columns, sheet, encoding and region; usually none."""
        facts = {"header_row": self.header_row, "hidden_rows": self.hidden_rows, "repair_text": self.repairs_text}
        return {name: value for name, value in facts.items() if value not in (None, "leave_out", False)}


def check_header_row(header_row: int) -> None:
    """Refuse a header line below 0; 0 means that it is detected.

    Raises:
        ContactFileError: it is negative.
    """
    if header_row < 0:
        raise ContactFileError(f"header_row={header_row}: give the line of the header, 1 for the first, 0 to detect it")


@contextlib.contextmanager
def staged_file(
    context: Context, path: Path, options: ReadOptions, *, allows_every_country: bool = False
) -> Iterator[StagedFile]:
    """Stage the rows of a file; they are deleted after the block.

    Raises:
        ContactFileError: the file as a whole is refused.
    """
    staging = context.data_path("staging")
    staging.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f"{os.getpid()}-", dir=staging) as folder:
        request = StagingRequest(
            path=path.absolute(),
            folder=Path(folder).absolute(),
            region=options.region or context.settings.region,
            allowed=None if allows_every_country else tuple(context.settings.allowed_countries),
            columns=options.columns,
            sheet=options.sheet,
            encoding=options.encoding,
            is_remembered=options.is_remembered,
            header_row=options.header_row,
            is_header_row_remembered=options.is_header_row_remembered,
            hidden_rows=options.hidden_rows,
            repairs_text=options.repairs_text,
            max_bytes=context.settings.max_file_mb * 1024 * 1024,
            number_names=options.number_names,
        )
        limits = ParserLimits(context.settings.parser_memory_mb, context.settings.parser_seconds)
        log = context.log
        yield stage_in_child(request, limits, lambda line: log.info("%s: %s", mask_numbers(path.name), line))


def staged_rows(staged: StagedFile) -> StagedRows:
    """Return the rows of a staged file for the store."""
    return StagedRows(staged.rows, staged.rejected, staged.row_count)


def source_of(context: Context, staged: StagedFile, path: Path, options: ReadOptions) -> SourceFile:
    """Return the facts that the store keeps about a file."""
    return SourceFile(
        file_name=staged.file_name,
        sha256=staged.sha256,
        size_bytes=staged.size_bytes,
        encoding=staged.encoding,
        delimiter=staged.delimiter,
        sheet=staged.sheet,
        column_map=staged.column_map,
        region=options.region or context.settings.region,
        read_options=options.said(),
        is_sample=_is_sample(context, path, staged.sha256),
    )


def clear_leftovers(context: Context) -> None:
    """Remove the staged rows of killed processes: their imports start again."""
    for folder in context.data_path("staging").glob("[0-9]*-*"):
        if not _is_running(int(folder.name.partition("-")[0])):
            shutil.rmtree(folder, ignore_errors=True)


def stable_in(context: Context, folder: Path) -> list[Path]:
    """Return the files of a drop folder that no program is still writing."""
    return stable_files(folder, quiet_seconds=context.settings.inbox_quiet_seconds, now=real_now().timestamp())


def keep_rejects(context: Context, staged: StagedFile, subject: str) -> None:
    """Move the file of rejects into its folder; before the commit, so that a killed run does it again."""
    if staged.rejects_file is not None:
        folder = context.data_path("rejects", subject)
        folder.mkdir(parents=True, exist_ok=True)
        staged.rejects_file.replace(folder / f"{Path(staged.file_name).stem}-{staged.sha256[:8]}.csv")


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """A file and its status before it is read; it is moved only if it was not written to since."""

    path: Path
    status: tuple[int, int, int]

    @classmethod
    def at(cls, path: Path) -> "DroppedFile":
        """Return a file with its status of now."""
        return cls(path, _status(path))

    def put_away(self, context: Context, folder: str, mark: str) -> None:
        """Move the file out of the drop folders; one that was given by its path, or is attached, stays."""
        inbox, path = context.data_path("inbox").resolve(), self.path.resolve()
        if not path.is_relative_to(inbox) or path.is_relative_to(inbox / ATTACHMENTS):
            return
        if _status(path) != self.status:
            context.log.warning("%s was written to while it was read: it is read again", mask_numbers(path.name))
            return
        file_away(path, context.settings.data_dir / folder / path.parent.relative_to(inbox), mark)


def _status(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_sample(context: Context, path: Path, digest: str) -> bool:
    """Return whether a file is one of the samples, by its path or by its bytes."""
    samples = context.settings.samples_dir.resolve()
    if path.resolve().is_relative_to(samples):
        return True
    return any(hashlib.sha256(sample.read_bytes()).hexdigest() == digest for sample in samples.glob("*.*"))
