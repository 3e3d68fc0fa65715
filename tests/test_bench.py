"""The benchmarks run, and compare: both implementations give the same result, or the benchmark stops."""

from collections.abc import Callable

import pytest

from bench import importing, invoicing, preparing, reporting, sending, slices, texts, validating
from bench.racing import Race
from schemas.gateway import Outcome, SubmitOutcome


def test_a_small_file_ends_the_same_on_both_sides() -> None:
    measured = importing.whole_import(2_000, 1)
    assert (measured.count, measured.peer) == (2_000, "pandas, phonenumbers, pandera, DuckDB")


def test_a_result_that_differs_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = importing._theirs
    monkeypatch.setattr(importing, "_theirs", lambda path: theirs(path)._replace(rejected=0))
    with pytest.raises(SystemExit, match="differ"):
        importing.whole_import(2_000, 1)


def test_broken_rows_are_found_on_both_sides() -> None:
    assert validating.validation(4_000, 1).count == 4_000


def test_a_broken_row_that_is_not_found_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = validating._theirs
    monkeypatch.setattr(validating, "_theirs", lambda path: theirs(path) - {(2, "territory")})
    with pytest.raises(SystemExit, match="differ"):
        validating.validation(4_000, 1)


def test_a_few_messages_have_the_sizes_that_smsutil_gives_them() -> None:
    assert texts.segments(4_000, 1).count == 2_000
    assert texts.adversarial(2_000, 1).count == 2_000


def test_a_size_that_differs_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    walk = texts._walk
    monkeypatch.setattr(texts, "_walk", lambda text: (*walk(text)[:2], 1))
    with pytest.raises(SystemExit, match="differ"):
        texts.adversarial(200, 1)


def test_a_small_recap_ends_the_same_on_both_sides() -> None:
    assert preparing.whole_recap(500, 1).count == 500


def test_a_recap_that_differs_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = preparing.outcome
    monkeypatch.setattr(
        preparing, "outcome", lambda store, number: outcome(store, number)._replace(mark=store.stat().st_ino)
    )
    with pytest.raises(SystemExit, match="differ"):
        preparing.whole_recap(500, 1)


@pytest.mark.parametrize("measure", [sending.sending_alone, sending.sending_together], ids=["one by one", "four"])
def test_a_few_messages_stand_once_on_either_bill(measure: Callable[[int, int], Race]) -> None:
    assert measure(1_200, 1).count > 1_000


def test_a_message_that_is_not_billed_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    read = sending.read_batches
    monkeypatch.setattr(sending, "read_batches", lambda store: [*read(store), ("batch-more", [{"client_ref": "more"}])])
    with pytest.raises(SystemExit, match="its messages"):
        sending.sending_alone(200, 1)


def test_what_a_slice_costs_is_compared_with_a_short_campaign() -> None:
    measured = slices.slice_cost(2_000)
    assert measured.message_count > 1_700
    assert min(measured.ratios) > 0


def test_a_slice_that_is_not_in_the_ledger_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_accepted", lambda client_ref: SubmitOutcome(client_ref, Outcome.REJECTED))
    with pytest.raises(SystemExit, match="the ledger says"):
        slices.slice_cost(2_000)


def test_a_few_reports_end_the_same_on_both_sides() -> None:
    assert reporting.reports(2_000, 1).count > 150


def test_a_poll_is_measured_beside_past_campaigns() -> None:
    costs = reporting.poll_growth(1_000, 1, (0, 2))
    assert [cost.past_count for cost in costs] == [0, 2]
    assert all(cost.seconds > 0 for cost in costs)


def test_a_report_that_is_not_applied_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "keep_reports", lambda *_: 0)
    with pytest.raises(SystemExit, match="differ"):
        reporting.reports(500, 1)
    with pytest.raises(SystemExit, match="moved"):
        reporting.poll_growth(500, 1, (0,))


def test_the_errors_of_a_small_invoice_are_found() -> None:
    measured = invoicing.invoice_cost(1_000)
    assert (measured.planted_count, measured.found_count, measured.false_count) == (50, 50, 0)


def test_an_error_of_an_invoice_that_is_not_found_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    found = invoicing.found_errors
    monkeypatch.setattr(invoicing, "found_errors", lambda view: set(list(found(view))[1:]))
    with pytest.raises(SystemExit, match="1 of 50 errors"):
        invoicing.invoice_cost(1_000)
