"""Tasks on a test's own store: the test builds the context of this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from campanile.services.context import Context
from tasks.context import current_context
from tests.store.conftest import Clock
from tests.stores import context_on, copy_store


@pytest.fixture
def context(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """The context that tasks get, on an empty store on a Tuesday at 10:00 in Paris."""
    made = context_on(copy_store(empty_store, tmp_path / "data" / "sms.duckdb"), Clock())
    monkeypatch.setattr("tasks.context.read_settings", lambda: made.settings)
    monkeypatch.setattr("tasks.context.Context", lambda *_, **__: made)
    current_context.cache_clear()
    yield made
    current_context.cache_clear()
