"""The context of this process for ``campanile.services``, built from the environment at its first use."""

import logging
from functools import lru_cache

from prefect import get_run_logger
from prefect.exceptions import MissingContextError

from campanile.services.context import Context, Log
from campanile.services.settings import read_settings


@lru_cache(maxsize=1)
def current_context() -> Context:
    """Return the context of this process; it logs to the current run.

    Raises:
        ConfigurationError: a setting is wrong.
    """
    return Context(read_settings(), find_log=run_logger)


def run_logger() -> Log:
    """Return the logger of the run, or the logger of the program outside a run."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("campanile")
