"""The check of the ledger after each test: it sees what a test spent wrongly, and reads nothing that did not change."""

from pathlib import Path

import pytest

from tests import stores
from tests.store.conftest import Desk


def test_it_covers_each_invariant_of_money() -> None:
    named = {name.removeprefix("invariant.") for name in stores.LEDGER_INVARIANTS}
    assert named == {
        "reserves_are_settled",
        "captures_are_what_was_accepted",
        "adjustments_are_what_was_charged",
        "only_accepted_messages_are_charged",
        "entries_belong_to_a_slice_or_a_gateway",
        "entries_have_the_gateway_of_their_campaign",
    }


def test_a_store_that_was_changed_is_checked_once(
    empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    untouched = stores.copy_store(empty_store, tmp_path / "untouched" / "sms.duckdb")
    spent = stores.copy_store(empty_store, tmp_path / "spent" / "sms.duckdb")
    Desk(spent).sql("INSERT INTO credit_entry VALUES (1, 'sandbox', 1, 1, 'capture', 1, now())")
    opened: list[Path] = []
    found = stores.broken_ledger

    def note(path: Path) -> dict[str, int]:
        opened.append(path)
        return found(path)

    monkeypatch.setattr(stores, "broken_ledger", note)
    broken = stores.broken_ledgers_of_test()
    assert set(broken) == {spent}
    assert "invariant.captures_are_what_was_accepted" not in broken[spent], "it has no campaign"
    assert set(broken[spent]) == {
        "invariant.reserves_are_settled",
        "invariant.entries_have_the_gateway_of_their_campaign",
    }
    assert opened == [spent]
    assert untouched.exists()
    assert stores.broken_ledgers_of_test() == {}
