"""A contact file to a table of cells, whatever it is: text in any encoding, or a sheet of a workbook."""

import mmap
from collections.abc import Callable
from dataclasses import dataclass, replace

from campanile.files.parsing.cell_table import CellTable
from campanile.files.parsing.column_mapping import NUMBER_FIELD, Layout, has_columns, map_columns, named_number
from campanile.files.parsing.csv_split import split_text
from campanile.files.parsing.encoding import ASK_ENCODING, choose_codec, read_blocks
from campanile.files.parsing.header import Header, check_has_rows
from campanile.files.parsing.line_classifier import Positions
from campanile.files.parsing.mojibake import may_be_broken as may_be_broken_text
from campanile.files.parsing.mojibake import repair_lines, repaired_words
from campanile.files.parsing.number_column_candidates import choose_number
from campanile.files.parsing.number_column_check import confirm_numbers
from campanile.files.parsing.protocol import StagingRequest
from campanile.files.parsing.source_bytes import is_workbook, read_content
from campanile.files.parsing.workbook import WORKBOOK_DELIMITER, split_workbook
from campanile.sms.errors import ContactFileError

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Source:
    """What a file is, as far as its bytes tell; ``may_be_broken``: its text may have been broken before."""

    size_bytes: int
    sha256: str
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    may_be_broken: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """The rows of a file and what its columns are.

    Attributes:
        source: the file.
        table: its rows, finished.
        row_numbers: of each ordinal of ``table``.
        header: its names; those of columns that do not count are blank.
        layout: the field of each column.
        notes: what a person should know of how it was read, a sentence each.
    """

    source: Source
    table: CellTable
    row_numbers: Positions
    header: list[str]
    layout: Layout
    notes: tuple[str, ...]

    @property
    def line_delimiter(self) -> str:
        """Delimiter of ``raw_lines``."""
        return self.source.delimiter or WORKBOOK_DELIMITER


def read_cells(request: StagingRequest, tell: Tell) -> Reading:
    """Return the rows of a file; they lie in the folder of the request.

    Raises:
        ContactFileError: the file as a whole is refused.
    """
    source, header, table = _open_source(request, tell)
    row_numbers = table.finish()
    if not len(row_numbers) and not table.has_broken:
        check_has_rows(header.names)
    names = header.name_filled(table.filled(header.unnamed))
    notes = [*header.notes]

    def choose(positions: list[int]) -> int | None:
        position, why = choose_number(table, names, positions, request.region)
        notes.extend([why] if why else [])
        return position

    columns = request.columns or named_number(names, request.number_names)
    if columns and request.is_remembered and not has_columns(names, columns):
        notes.append("The columns that are remembered for this list are not in this file: its own names were read.")
        columns = None
    if request.is_header_row_remembered and header.row_number != request.header_row:
        notes.append(
            f"Line {request.header_row}, remembered for this list as the header, names no number column here: "
            "the header was found by its names."
        )
    layout = map_columns(names, columns, choose)
    if not header.is_of_rejects:
        confirm_numbers(table, layout, names)
    return Reading(source, table, row_numbers, names, layout, tuple(notes))


def _open_source(request: StagingRequest, tell: Tell) -> tuple[Source, Header, CellTable]:
    content = read_content(request.path, request.max_bytes)
    wanted = (request.columns or {}).get(NUMBER_FIELD)
    facts, suffix = (content.size_bytes, content.sha256), request.path.suffix.lower()
    if is_workbook(request.path):
        if request.encoding is not None:
            raise ContactFileError(f"encoding={request.encoding!r} is for text; leave it out for a {suffix} workbook")
        sheet, header, table = split_workbook(content.data, request, wanted)
        return Source(*facts, encoding=None, delimiter=None, sheet=sheet), header, table
    if request.sheet is not None:
        raise ContactFileError(f"sheet={request.sheet!r} is for workbooks; leave it out for a {suffix} text")
    codec = choose_codec(content.data, request.encoding)
    text, notes = _write_text(content.data, codec, request)
    del content
    delimiter, header, table = split_text(text, request, tell, wanted)
    header = replace(header, notes=(*header.notes, *notes))
    may_be_broken = may_be_broken_text(text)
    return Source(*facts, encoding=codec, delimiter=delimiter, sheet=None, may_be_broken=may_be_broken), header, table


def _write_text(data: bytes, codec: str, request: StagingRequest) -> tuple[mmap.mmap, list[str]]:
    """Return the text as UTF-8 and what was repaired in it, a sentence."""
    path = request.folder / "text"
    counts: list[int] = []
    blocks = read_blocks(data, codec)
    with path.open("wb") as file:
        file.writelines(repair_lines(blocks, counts.append) if request.repairs_text else blocks)
    with path.open("rb") as file:
        text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if b"\0" in text[: text.find(b"\n")]:
        raise ContactFileError(f"its first line holds NUL characters (UTF-16 without its mark?): {ASK_ENCODING}")
    return text, [repaired_words(sum(counts))] if counts else []
