"""The bench itself still runs, and compares: both sides end with the same, or it stops."""

import pytest

from bench import importing, preparing, texts


def test_a_small_file_ends_the_same_on_both_sides() -> None:
    measured = importing.whole_import(2_000, 1)
    assert (measured.count, measured.peer) == (2_000, "pandas, phonenumbers, pandera, DuckDB")


def test_a_result_that_differs_ends_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = importing._theirs
    monkeypatch.setattr(importing, "_theirs", lambda path: theirs(path)._replace(rejected=0))
    with pytest.raises(SystemExit, match="differ"):
        importing.whole_import(2_000, 1)


def test_a_few_messages_have_the_sizes_that_smsutil_gives_them() -> None:
    assert texts.segments(4_000, 1).count == 2_000
    assert texts.adversarial(2_000, 1).count == 2_000


def test_a_size_that_differs_ends_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    walk = texts._walk
    monkeypatch.setattr(texts, "_walk", lambda text: (*walk(text)[:2], 1))
    with pytest.raises(SystemExit, match="differ"):
        texts.adversarial(200, 1)


def test_a_small_recap_ends_the_same_on_both_sides() -> None:
    assert preparing.whole_recap(500, 1).count == 500


def test_a_recap_that_differs_ends_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = preparing.outcome
    monkeypatch.setattr(
        preparing, "outcome", lambda store, number: outcome(store, number)._replace(mark=store.stat().st_ino)
    )
    with pytest.raises(SystemExit, match="differ"):
        preparing.whole_recap(500, 1)
