"""What a column is called is one proof, what stands in it is the other."""

from campanile.files.parsing.cell_table import CellTable
from campanile.files.parsing.column_mapping import Layout
from campanile.files.parsing.number_column_candidates import number_share, sample_cells
from campanile.sms.errors import ContactFileError
from campanile.sms.text.masking import mask_numbers

_FEWEST = 20  # filled cells below which nothing is said
_LEAST_SHARE = 0.05
_LIKELY_SHARE = 0.5
_SHOWN, _SHOWN_LENGTH = 3, 30


def confirm_numbers(table: CellTable, layout: Layout, names: list[str]) -> None:
    """Refuse a number column that holds hardly any number.

    Raises:
        ContactFileError: it names the column, shows what it holds, and names one that would do.
    """
    cells = sample_cells(table, layout.number)
    if len(cells) < _FEWEST or number_share(cells) >= _LEAST_SHARE:
        return
    shown = ", ".join(repr(mask_numbers(cell)[:_SHOWN_LENGTH]) for cell in cells[:_SHOWN])
    others = [position for position in layout.fields if position != layout.number]
    likely = [names[position] for position in others if number_share(sample_cells(table, position)) >= _LIKELY_SHARE]
    hints = [f"; {name!r} looks like one: say so with columns={{'msisdn': {name!r}}}" for name in likely[:1]]
    named = repr(names[layout.number])
    raise ContactFileError(
        "".join([f"its column {named} is named like a number column but holds none ({shown})", *hints])
    )
