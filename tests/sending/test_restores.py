"""Restored stores in short: ``make kill-test`` is the long one."""

from pathlib import Path

import pytest

from schemas.gateway import Resolution
from tests.sending.restores import restore_stores

CLASSES = [pytest.param(resolution, id=resolution.value) for resolution in Resolution]


@pytest.mark.parametrize("resolution", CLASSES)
def test_a_store_that_comes_back_sends_nothing_twice(nursery: Path, resolution: Resolution) -> None:
    """Nothing billed twice, nothing lost, no message after a STOP, the ledger equal to the cent."""
    found = restore_stores(nursery, resolution, 4, messages=60, seed=3)
    assert found.wrong() == {}, found
    assert found.restores == 4
    assert found.sent_since > 0, "the copies were older than the bill"


@pytest.mark.soak
@pytest.mark.parametrize("resolution", CLASSES)
def test_many_stores_that_come_back(nursery: Path, resolution: Resolution) -> None:
    assert restore_stores(nursery, resolution, 50, seed=4).wrong() == {}
