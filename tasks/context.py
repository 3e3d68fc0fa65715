"""The context of this process for ``campanile.services``, built from the environment at its first use.

Most tasks are one use case of ``campanile.services`` and nothing else: ``as_task`` makes them.
"""

import functools
import inspect
import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Concatenate, ParamSpec, TypeVar

from prefect import Task, get_run_logger, task
from prefect.exceptions import MissingContextError

from campanile.services.context import Context, Log
from campanile.services.settings import read_settings
from tasks.events import announce_low_balance

P = ParamSpec("P")
R = TypeVar("R")
#: Options of a task that reads from a gateway. A read that fails is tried again: nothing was sent, and what was stored
#: is kept. Each request has its own time limit; this one ends a provider that answers slowly for ever.
GATEWAY_READ: dict[str, Any] = {
    "retries": 2,
    "retry_delay_seconds": [1, 3],
    "timeout_seconds": 1800,
    "tags": ["gateway"],
}


@lru_cache(maxsize=1)
def current_context() -> Context:
    """Return the context of this process; it logs to the current run.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    return Context(read_settings(), find_log=run_logger, announce=announce_low_balance)


def run_logger() -> Log:
    """Return the logger of the run, or the logger of the program outside a run."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("campanile")


def as_task(use_case: Callable[Concatenate[Context, P], R], **options: Any) -> Task[P, R]:
    """Make a task of a use case, as ``prefect.task(**options)``; the task gives it the context of this process."""

    @functools.wraps(use_case)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return use_case(current_context(), *args, **kwargs)

    signature = inspect.signature(use_case)
    _, *parameters = signature.parameters.values()
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return task(**options)(run)
