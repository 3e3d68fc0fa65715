"""What the page of an import shows, typed."""

from dataclasses import dataclass

from campanile.files.parsing.protocol import StagedFile
from campanile.store.contacts.import_log import ImportSummary


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file, how it was read, and in how many seconds; a preview changed nothing."""

    summary: ImportSummary
    staged: StagedFile
    seconds: float
    is_preview: bool
