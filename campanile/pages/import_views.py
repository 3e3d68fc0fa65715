"""Typed data of the import page."""

from dataclasses import dataclass

from campanile.files.parsing.protocol import StagedFile
from campanile.store.contacts.import_log import ImportSummary


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of importing one file, how it was read, and in how many seconds; a preview changed nothing."""

    summary: ImportSummary
    staged: StagedFile
    seconds: float
    is_preview: bool
