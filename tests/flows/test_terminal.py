"""Output of ``python -m flows``: a recap is printed as its page, so that it can be read before an approval."""

from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.prefect

DRAFT = {
    "name": "soldes",
    "text": "Bonjour {first_name|cher client} ! ",
    "sender_id": "36180",
    "numbers": ["0612345678", "0612345679"],
    "actor": "camille",
}


def run(*words: str) -> str:
    from flows.__main__ import main

    return main(list(words))


def test_a_recap_is_printed_as_its_page(workspace: Any) -> None:
    path = Path(workspace.data_dir) / "soldes.yaml"
    path.write_text(yaml.safe_dump(DRAFT, allow_unicode=True), encoding="utf-8")
    page = run("prepare-campaign", f"path={path}")
    assert page.startswith("# Recap of soldes, version 1\n")
    assert "**2 messages, 2 segments, " in page
    assert "python -m flows approve-campaign campaign=soldes" in page
    assert "0612345678" not in page
    assert "33612345678" not in page

    revised = run("revise-campaign", "campaign=soldes", "actor=camille", "text=Bonsoir {first_name|cher client} ! ")
    assert revised.startswith("# Recap of soldes, version 2\n")
    assert "## What changed" in revised


def test_the_recap_of_typed_numbers_says_what_their_text_lacks(workspace: Any) -> None:
    path = Path(workspace.data_dir) / "soldes.yaml"
    path.write_text(yaml.safe_dump(DRAFT, allow_unicode=True), encoding="utf-8")
    page = run("prepare-campaign", f"path={path}")
    texts = {text for (text,) in workspace.query("SELECT DISTINCT text FROM message")}
    assert texts == {"Bonjour cher client ! "}, "the default of an empty field, and the blanks of the draft"
    assert "The text does not say how to stop these messages" in page
    assert "The text ends with 1 blank" in page


def test_other_results_are_printed_as_they_are(workspace: Any) -> None:
    assert "EUR" in run("check-balance")
