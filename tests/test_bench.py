"""The bench itself still runs, and compares: both sides end with the same, or it stops."""

import pytest

from bench import importing


def test_a_small_file_ends_the_same_on_both_sides() -> None:
    measured = importing.whole_import(2_000, 1)
    assert (measured.count, measured.peer) == (2_000, "pandas, phonenumbers, pandera, DuckDB")


def test_a_result_that_differs_ends_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = importing._theirs
    monkeypatch.setattr(importing, "_theirs", lambda path: theirs(path)._replace(rejected=0))
    with pytest.raises(SystemExit, match="differ"):
        importing.whole_import(2_000, 1)
