"""Hidden parts of a workbook: sheets and rows that a person does not see are not imported unseen."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from campanile.files.parsing.stage import StagedFile, StagingRequest, stage_contact_file
from campanile.sms.errors import ContactFileError

SPACE = "urn:oasis:names:tc:opendocument:xmlns"
ODS = (
    f'<office:document-content xmlns:office="{SPACE}:office:1.0" xmlns:table="{SPACE}:table:1.0" '
    f'xmlns:text="{SPACE}:text:1.0"><office:body><office:spreadsheet><table:table table:name="clients">{{rows}}'
    "</table:table></office:spreadsheet></office:body></office:document-content>"
)
ODS_ROW = (
    '<table:table-row{0}><table:table-cell office:value-type="string"><text:p>{1}</text:p></table:table-cell>'
    "</table:table-row>"
)


def stage(path: Path, **options: Any) -> tuple[StagedFile, list[int]]:
    folder = path.parent / "staging"
    folder.mkdir()
    staged = stage_contact_file(StagingRequest(path, folder, "FR", None, **options))
    with duckdb.connect() as engine:
        rows = engine.read_parquet(str(staged.rows)).order("row_number").project("row_number").fetchall()
    return staged, [row for (row,) in rows]


def workbook(path: Path, states: dict[str, str], hidden: tuple[int, ...] = ()) -> Path:
    """Write a workbook with these sheets, each in its state, and rows hidden in all of them."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, state in states.items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = state
        for row in (["Tel", "Nom"], *([f"06123456{number}", name] for number in range(70, 75))):
            sheet.append(row)
        for row_number in hidden:
            sheet.row_dimensions[row_number].hidden = True
    book.save(path)
    return path


def test_the_first_visible_sheet_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    states = {"old": "veryHidden", "draft": "hidden", "clients": "visible", "prix <2026>": "visible"}
    staged, rows = stage(workbook(tmp_path / "clients.xlsx", states))
    assert (staged.sheet, rows) == ("clients", [2, 3, 4, 5, 6])
    assert staged.notes == ("Other sheets, not read: 'prix <2026>'.", "Hidden sheets, not read: 'old', 'draft'.")


def test_a_hidden_sheet_is_read_when_it_is_named(tmp_path: Path) -> None:
    staged, _ = stage(workbook(tmp_path / "clients.xlsx", {"old": "hidden", "clients": "visible"}), sheet="old")
    assert (staged.sheet, staged.notes) == ("old", ("Other sheets, not read: 'clients'.",))


def test_hidden_rows_are_rejected_with_their_reason_and_handed_back(tmp_path: Path) -> None:
    path = workbook(tmp_path / "clients.xlsx", {"aside": "visible", "A & B": "visible"}, hidden=(3, 5))
    staged, rows = stage(path, sheet="A & B")
    assert (rows, staged.reject_reasons) == ([2, 4, 6], {"hidden_row": 2})
    assert staged.rejects_file
    assert "0612345671;A & B;3;hidden_row;" in staged.rejects_file.read_text("utf-8-sig")


@pytest.mark.parametrize("how", ["collapse", "filter"])
def test_hidden_rows_of_an_open_document(tmp_path: Path, how: str) -> None:
    cells = [("", "Tel"), ("", "0612345678"), (f' table:visibility="{how}"', "0612345679"), ("", "0612345670")]
    content = ODS.format(rows="".join(ODS_ROW.format(*cell) for cell in cells))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("content.xml", content)
        book.writestr("META-INF/manifest.xml", "<manifest/>")
    path = tmp_path / "clients.ods"
    path.write_bytes(buffer.getvalue())
    staged, rows = stage(path)
    assert (rows, staged.reject_reasons) == ([2, 4], {"hidden_row": 1})


def test_hidden_rows_of_an_old_workbook(workbook_file: Callable[..., Path]) -> None:
    rows = [["Tel"], *([f"061234567{number}"] for number in range(4))]
    staged, found = stage(workbook_file(rows, "clients.xls", hidden=(3, 5)))
    assert (found, staged.reject_reasons) == ([2, 4], {"hidden_row": 2})


def test_a_hidden_sheet_of_an_old_workbook(workbook_file: Callable[..., Path]) -> None:
    staged, _ = stage(workbook_file([["Tel"], ["0612345678"]], "clients.xls", state=1))
    assert (staged.sheet, staged.notes) == ("Feuil2", ("Hidden sheets, not read: 'Feuil1'.",))


def test_hidden_rows_are_read_when_a_person_says_so(tmp_path: Path) -> None:
    path = workbook(tmp_path / "clients.xlsx", {"clients": "visible"}, hidden=(3, 5))
    staged, rows = stage(path, hidden_rows="keep")
    assert (rows, staged.reject_reasons) == ([2, 3, 4, 5, 6], {})
    assert "2 hidden rows were read like all others, as hidden_rows says." in staged.notes


def test_an_old_workbook_that_does_not_record_what_is_hidden_is_refused(workbook_file: Callable[..., Path]) -> None:
    path = workbook_file([["Tel"], ["0612345678"]], "clients.xls")
    path.write_bytes(path.read_bytes().replace(b"\x09\x08\x10\x00\x00\x06", b"\x09\x08\x10\x00\x00\x05"))
    with pytest.raises(ContactFileError, match=r"clients\.xls: .* save it as \.xlsx"):
        stage(path)


def test_a_workbook_without_a_visible_sheet_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "clients.xlsx", {"one": "visible", "two": "hidden"})
    hidden = tmp_path / "hidden.xlsx"
    with zipfile.ZipFile(path) as book, zipfile.ZipFile(hidden, "w") as copy:
        for part in book.namelist():
            copy.writestr(part, book.read(part).replace(b'state="visible"', b'state="hidden"'))
    with pytest.raises(ContactFileError, match=r"all its sheets are hidden .*'one', 'two'"):
        stage(hidden)
