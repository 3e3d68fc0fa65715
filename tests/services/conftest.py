"""Use cases on a store of the test's own: a context with a clock that is moved by hand, and no environment."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from campanile.services.context import Context
from tests.store.conftest import Clock
from tests.stores import SUPPRESSION_SETTINGS, context_on, copy_store


@pytest.fixture
def clock() -> Clock:
    """A Tuesday, 10:00 in Paris."""
    return Clock()


@pytest.fixture
def store(empty_store: Path, empty_hashed_store: Path, tmp_path: Path, suppression: str) -> Path:
    """An empty store in a data folder of its own."""
    source = empty_store if suppression == "plain" else empty_hashed_store
    return copy_store(source, tmp_path / "data" / "sms.duckdb")


@pytest.fixture
def make_context(store: Path, clock: Clock, suppression: str) -> Callable[..., Context]:
    """Return a function that builds a context on the store and the clock, with settings of the test's choice."""
    return partial(context_on, store, clock, **SUPPRESSION_SETTINGS[suppression])


@pytest.fixture
def context(make_context: Callable[..., Context]) -> Context:
    """The context with the settings as they ship."""
    return make_context()
