"""A contact file to rows that an import can take: each valid, or rejected with one reason.

Nothing is converted: ``NA``, ``1e5`` and leading zeros stay what they are; merge fields lose outer white space.
A bad row is data; only a file that cannot be read as a whole raises. ``stage_in_child`` does it where a file can
do no harm.
"""

from campanile.files.parsing.consent_columns import read_consent, unread_consent_columns
from campanile.files.parsing.date_columns import read_date_columns
from campanile.files.parsing.header import check_has_rows, stand_in
from campanile.files.parsing.mojibake import broken_notes
from campanile.files.parsing.protocol import StagedFile, StagingRequest
from campanile.files.parsing.read_table import Reading, Tell, read_cells
from campanile.files.parsing.row_verdicts import judge_rows
from campanile.files.parsing.source_bytes import display_name
from campanile.files.parsing.staged_output import (
    count_reasons,
    reject_examples,
    write_rejected,
    write_rejects_file,
    write_rows,
)
from campanile.files.parsing.subprocess_runner import ParserLimits, stage_in_child
from campanile.sms.errors import ContactFileError

__all__ = ["ParserLimits", "StagedFile", "StagingRequest", "stage_contact_file", "stage_in_child"]


def stage_contact_file(request: StagingRequest, tell: Tell = lambda _: None) -> StagedFile:
    """Read a contact file in this process, and write what it holds into the folder of the request.

    Args:
        request: what to read.
        tell: is told, in one line each time, how far it is.

    Raises:
        ContactFileError: the file as a whole is refused, in one line.
        ConfigurationError: ``region`` is no country code.
    """
    name = display_name(request.path)
    try:
        reading = read_cells(request, tell)
        with reading.table.engine:
            return _stage(reading, request, name, tell)
    except ContactFileError as error:
        raise ContactFileError(f"{name}: {error}") from error


def _stage(reading: Reading, request: StagingRequest, name: str, tell: Tell) -> StagedFile:
    notes = judge_rows(reading, request.region, request.allowed, tell)
    reasons = count_reasons(reading.table)
    if not reasons:
        check_has_rows(reading.header)
    rejects = {reason: count for reason, count in reasons.items() if reason is not None}
    header = tuple(name or stand_in(position) for position, name in enumerate(reading.header))
    column_map = {reading.header[position]: field for position, field in reading.layout.fields.items()}
    consent_fields, consent = read_consent(reading.table, reading.header, reading.layout)
    day_fields, day_notes = read_date_columns(reading.table, reading.header, reading.layout, request.region)
    broken = broken_notes(reading.table, reading.header) if reading.source.may_be_broken else ()
    further = consent_fields | day_fields
    return StagedFile(
        file_name=name,
        size_bytes=reading.source.size_bytes,
        sha256=reading.source.sha256,
        encoding=reading.source.encoding,
        delimiter=reading.source.delimiter,
        sheet=reading.source.sheet,
        header=header,
        column_map=column_map,
        consent=tuple(consent),
        unread_consent=unread_consent_columns(column_map),
        notes=(*reading.notes, *notes, *day_notes, *broken),
        row_count=sum(reasons.values()),
        reject_reasons=rejects,
        reject_examples=reject_examples(reading.table),
        rows=write_rows(reading, request.folder / "rows.parquet", reasons.get(None, 0), further),
        rejected=write_rejected(reading.table, request.folder / "rejected.parquet"),
        rejects_file=write_rejects_file(reading, header, request.folder / "rejects.csv") if rejects else None,
    )
