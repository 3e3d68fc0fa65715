"""Hypothesis settings without deadlines, for busy machines; the order of the tests; and an empty store to copy."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.lanes import IS_PROVING, LANES, forbid_processes, is_one_of, sort_and_group

for _name, _count in (("ci", 20), ("prove", 500)):
    settings.register_profile(
        _name,
        max_examples=_count,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.function_scoped_fixture,  # a store or a folder of a test serves all its examples
        ],
    )
settings.load_profile("prove" if IS_PROVING else "ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lane", choices=LANES, help="only the tests that need no process: unit, or unit and store")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    lane = config.getoption("--lane")
    return True if lane and is_one_of(collection_path, LANES[lane]) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    sort_and_group(items)
    if config.getoption("--lane"):
        needy = [item for item in items if item.get_closest_marker("process")]
        items[:] = [item for item in items if not item.get_closest_marker("process")]
        config.hook.pytest_deselected(items=needy)
        forbid_processes()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a pytest-xdist that ignores groups: each worker would start a Prefect server of its own."""
    is_grouped = session.config.getoption("loadgroup", default=False)
    if is_grouped and not all("@" in item.nodeid for item in session.items):
        raise pytest.UsageError("pytest-xdist did not group the tests; take the versions of requirements.lock")


@pytest.fixture(autouse=True)
def ledgers_hold() -> Iterator[None]:
    """After each test the invariants of the ledger hold in each store that it changed."""
    yield
    stores = sys.modules.get("tests.stores")
    if stores is not None:
        assert stores.broken_ledgers_of_test() == {}


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with all tables and no rows; tests copy it."""
    from tests.stores import make_store

    return make_store(tmp_path_factory.mktemp("migrated"))


@pytest.fixture(scope="session")
def empty_hashed_store(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same store, which keeps opt-outs as keyed hashes."""
    from tests.stores import make_hashed_store

    return make_hashed_store(empty_store, tmp_path_factory.mktemp("hashed"))


@pytest.fixture
def suppression(request: pytest.FixtureRequest) -> str:
    """How the store of the test keeps opt-outs: in clear, unless the test is parametrised with "hmac"."""
    return str(getattr(request, "param", "plain"))
