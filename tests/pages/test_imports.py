"""The page of an import: each result, each reason, and no markup from a partner's file."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from campanile.files.parsing.consent_columns import ConsentCount
from campanile.files.parsing.stage import StagedFile
from campanile.pages.import_views import ImportReport
from campanile.pages.imports import change_page, import_page, import_rows, lists_page
from campanile.pages.markdown import table, user_text
from campanile.pages.run_links import RunLink
from campanile.store.contacts.impact import Preview, TouchedCampaign
from campanile.store.contacts.import_log import ImportSummary


def report(is_preview: bool = False, **changes: Any) -> ImportReport:
    summary = {
        "import_id": 7,
        "file_name": "clients.csv",
        "row_count": 10,
        "result_counts": {"accepted": 5, "updated": 1, "duplicate": 1, "rejected": 3},
        "reject_reasons": {"letters": 3},
        "opted_out_count": 2,
        "territories": {"FR": 7},
        "known_count": 2,
    }
    staged = StagedFile(
        file_name="clients<b>.csv",
        size_bytes=1_234_567,
        sha256="0" * 64,
        encoding="cp1252",
        delimiter=";",
        sheet=None,
        header=("Mobile", "Nom"),
        column_map={"Mobile": "msisdn", "Nom|x": "last_name"},
        row_count=10,
        reject_reasons={"letters": 3},
        reject_examples={"letters": ("row 3: 06 1O", "row 4: [x](y)")},
        rows=Path("rows.parquet"),
        rejected=Path("rejected.parquet"),
        rejects_file=None,
        consent=(ConsentCount("Accord|SMS", False, 4, 3, 1, 1, ("maybe [x](y)",)),),
        unread_consent=("News|letter",),
    )
    return ImportReport(ImportSummary(**(summary | changes)), staged, 1.25, is_preview)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("Text in cp1252, cells separated by semicolon, 1.2 MB. 10 rows in 1.2 s.", id="how it was read"),
        pytest.param("| accepted | new people | 5 | 50 % |", id="a result with its share"),
        pytest.param("**29 % of its numbers were already known.**", id="what was known"),
        pytest.param("- **3** letters: There are letters among the digits.", id="a reason in plain words"),
        pytest.param("row 4: \\[x\\](y)", id="examples are inert"),
        pytest.param("2 of these people are opted out", id="opted out"),
        pytest.param("| Nom\\|x | last\\_name |", id="columns mapped, escaped once"),
        pytest.param("| mainland France | 7 |", id="territories"),
        pytest.param("| Accord\\|SMS | who agreed | 4 | 3 | 1 | 1 |", id="what a consent column says"),
        pytest.param("Unreadable, so they count as no: 'maybe \\[x\\](y)'", id="what cannot be read of it"),
        pytest.param("are not read: 'News\\|letter'", id="a column that looks like consent"),
        pytest.param("**Refused:** strange\\|file.csv: no text", id="a file that was refused"),
    ],
)
def test_an_import_tells(words: str) -> None:
    page = import_page("magasin", [report()], ["strange|file.csv: no text"])
    assert words in page, page
    assert "<b>" not in page


def test_a_list_without_a_legal_basis_is_named_and_linked() -> None:
    link = RunLink("Declare the legal basis of magasin", "say why.", "http://ui/run?parameters=x", "")
    top = import_page("magasin", [report()], [], [link]).split("\n## ")[0]
    assert "⚠ **No legal basis is declared for this list:** its people get no marketing" in top
    assert "[Declare the legal basis of magasin](http://ui/run?parameters=x)" in top
    assert "legal basis" not in import_page("magasin", [report()], [])


def test_a_preview_says_that_nothing_was_done() -> None:
    page = import_page("magasin", [report(is_preview=True)], [])
    assert "A preview: nothing was imported" in page
    assert "rejects/" not in page


def test_the_same_bytes_again_are_one_line() -> None:
    page = import_page("magasin", [report(same_as="clients.csv on 2026-11-23 08:00 UTC (import 3)")], [])
    assert "Nothing to do: the same file was imported as clients.csv on 2026-11-23" in page
    assert "accepted" not in page


def test_a_table_has_a_row_for_each_result_and_reason() -> None:
    rows = import_rows([report()])
    assert [(row["result"], row["rows"]) for row in rows] == [
        ("accepted", 5),
        ("updated", 1),
        ("duplicate", 1),
        ("rejected", 3),
        ("rejected: letters", 3),
    ]


def test_a_change_says_who_comes_and_goes_and_what_follows_for_campaigns() -> None:
    touched = [TouchedCampaign("soldes", "prepared", 3), TouchedCampaign("noel", "approved", 2)]
    preview = Preview(1, 2, 1, 5, {"ville": 1}, {"added": [], "removed": ["+336…78"], "changed": []}, touched)
    page = change_page("Undo import 7", preview, is_preview=True)
    for words in (
        "A preview",
        "| removed |",
        "| ville | 1 |",
        "- removed: ",
        "stale: prepare again",
        "an alert was raised",
    ):
        assert words in page, words


def test_no_lists_are_said_to_be_none() -> None:
    assert "There are no lists yet" in lists_page([], ZoneInfo("Europe/Paris"))


@pytest.mark.parametrize(
    ("written", "cell"),
    [
        pytest.param("a_b", "a\\_b", id="Markdown"),
        pytest.param("a|b", "a\\|b", id="a separator of cells"),
        pytest.param("a<b>", "a&lt;b&gt;", id="HTML"),
        pytest.param("a&b", "a&amp;b", id="an entity"),
    ],
)
def test_what_people_wrote_is_escaped_once_in_a_cell(written: str, cell: str) -> None:
    assert table(["column"], [[user_text(written)]]).splitlines()[-1] == f"| {cell} |"
    assert table(["column"], [[written]]).splitlines()[-1] == f"| {cell} |"
