"""Flows and tasks as plain functions: no run is recorded, no server is needed, and pages are kept in memory.

This tests what a flow decides, writes and shows, and is as fast as a function call. The tests that are marked
``prefect`` check that Prefect runs the flow, with its parameters, retries, hooks and artifacts.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple
from unittest import mock

import pytest


class Page(NamedTuple):
    """An artifact, with the attribute of ``Artifact.get`` that tests and ``tasks.artifacts`` read."""

    data: str


class TaskState(NamedTuple):
    """The final state of a task that was called with ``return_state=True``."""

    value: Any
    error: Exception | None

    def result(self, raise_on_failure: bool = True) -> Any:
        if self.error is not None and raise_on_failure:
            raise self.error
        return self.value if self.error is None else self.error


@dataclass
class PlainRuns:
    """The pages and events of plain runs, which Prefect would keep."""

    pages: dict[str, Page] = field(default_factory=dict)
    """The newest artifact of each key."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """The events, oldest first."""

    def publish(self, data: Any, *, key: str, description: str) -> None:
        import json

        self.pages[key] = Page(data if isinstance(data, str) else json.dumps(data))

    def copy(self) -> "PlainRuns":
        return PlainRuns(dict(self.pages), list(self.events))

    def become(self, other: "PlainRuns") -> None:
        """Take over the content of another one, in place."""
        self.pages.clear()
        self.pages.update(other.pages)
        self.events[:] = other.events

    def emit(self, **event: Any) -> None:
        self.events.append(event)


@contextmanager
def plain_runs() -> Iterator[PlainRuns]:
    """Run flows and tasks as plain functions inside the block."""
    from prefect.artifacts import Artifact
    from prefect.flows import Flow
    from prefect.tasks import Task

    import campanile.services.contacts.staged_files
    import campanile.services.store_startup
    import tasks.artifacts
    import tasks.dispatch
    import tasks.events
    import tasks.prefect_calls
    import tasks.run_links
    import tasks.sending

    runs = PlainRuns()
    with (
        pytest.MonkeyPatch.context() as patch,
        _without_server(),
    ):
        patch.delenv("PREFECT_API_URL", raising=False)
        patch.setattr(Flow, "__call__", _call_flow)
        patch.setattr(Task, "__call__", _call_task)
        patch.setattr(Artifact, "get", mock.Mock(side_effect=runs.pages.get))
        patch.setattr(tasks.artifacts, "create_markdown_artifact", runs.publish)
        patch.setattr(tasks.artifacts, "create_table_artifact", runs.publish)
        patch.setattr(tasks.sending, "create_progress_artifact", mock.Mock(return_value="bar"))
        patch.setattr(tasks.sending, "update_progress_artifact", mock.Mock())
        patch.setattr(tasks.sending, "bound_events", mock.Mock())
        patch.setattr(tasks.prefect_calls, "call_prefect", lambda call, seconds=0.0: call())
        patch.setattr(tasks.events, "emit_event", runs.emit)
        patch.setattr(tasks.run_links, "_deployment_pages", lambda names: {})
        patch.setattr(tasks.dispatch, "_cancelled_runs", lambda due: {})
        patch.setattr(tasks.dispatch, "run_deployment", _no_deployment)
        patch.setattr(campanile.services.store_startup, "check_statements", _checked)
        patch.setattr(campanile.services.contacts.staged_files, "stage_in_child", _stage_here)
        yield runs


def _call_flow(flow: Any, *args: Any, return_state: bool = False, **kwargs: Any) -> Any:
    """Call a flow with parameters that Prefect checks and converts; raise the error of a refused one."""
    from prefect.states import Completed, State
    from prefect.utilities.callables import get_call_parameters

    parameters = flow.validate_parameters(get_call_parameters(flow.fn, args, kwargs))
    found = flow.fn(**parameters)
    if isinstance(found, State):
        if return_state:
            return found
        if isinstance(found.data, Exception):
            raise found.data
        return found.data
    return Completed(data=found) if return_state else found


def _call_task(task: Any, *args: Any, return_state: bool = False, **kwargs: Any) -> Any:
    if not return_state:
        return task.fn(*args, **kwargs)
    try:
        return TaskState(task.fn(*args, **kwargs), None)
    except Exception as error:  # noqa: BLE001 - Prefect keeps whatever ended a task as its state
        return TaskState(None, error)


@contextmanager
def _without_server() -> Iterator[None]:
    """Make each API call without a stand-in fail, instead of starting a server."""
    from prefect.context import SettingsContext, get_settings_context

    with SettingsContext(profile=get_settings_context().profile, settings=_settings_without_server()):
        yield


@cache
def _settings_without_server() -> Any:
    """Return Prefect's settings; making them again for each test would be slow."""
    from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE, get_current_settings

    return get_current_settings().copy_with_update({PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: False, PREFECT_API_URL: None})


def _no_deployment(name: str, **_: Any) -> None:
    """Stand in for a server without deployments: each run is made in this process."""
    from prefect.exceptions import ObjectNotFound

    raise ObjectNotFound(Exception(name))


@cache
def _checked() -> None:
    """Check the statements once: they do not change between tests, and the check takes half a second."""
    from campanile.store.db.migrate import check_statements

    check_statements()


def _stage_here(request: Any, limits: object, on_progress: Callable[[str], None]) -> Any:
    """Parse a file in this process; ``tests/files/test_child.py`` tests the limits of the child process."""
    from campanile.files.parsing.stage import stage_contact_file

    return stage_contact_file(request, on_progress)
