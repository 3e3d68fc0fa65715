"""What a flow refuses ends its run with one line: the state's message, and no traceback in any log.

Flows use ``flow`` of this module, which is Prefect's. Whatever is no error of ours keeps Prefect's own words and its
traceback: that is a fault of the program, and a traceback is what finds it.
"""

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import prefect
from prefect import Flow
from prefect.context import FlowRunContext
from prefect.exceptions import ParameterTypeError
from prefect.logging.handlers import PrefectConsoleHandler
from prefect.settings import get_current_settings
from prefect.states import Failed
from prefect.utilities.hashing import file_hash

from campanile.services.refusals import REFUSAL_MARK, log_refusal
from campanile.sms.errors import SmsError
from schemas.form import TITLES
from tasks.context import run_logger

P = ParamSpec("P")
R = TypeVar("R")
#: Where Prefect logs what ended a run: of flows, of tasks, and of the process that a worker starts for a run.
_LOGGERS = ("prefect.flow_runs", "prefect.task_runs", "prefect.engine")
#: Mistakes of whoever started the run: their line says all that is to be known.
_MISTAKES = (SmsError, ParameterTypeError)


def flow(**options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Make a function a flow, as ``prefect.flow(**options)``; an error of ours ends its run as Failed with its line.

    Who calls the flow as a function gets the error raised all the same.
    """

    def decorate(run: Callable[P, R]) -> Flow[P, R]:
        @functools.wraps(run)
        def refusing(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return run(*args, **kwargs)
            except SmsError as error:
                log_refusal(run_logger(), one_line(error))
                if _is_of_deployment():  # nobody gets the error: the process of the run ends with it
                    drop_tracebacks(error)
                return cast(R, Failed(message=one_line(error), data=error))

        version = file_hash(str(inspect.getsourcefile(inspect.unwrap(run))))  # Prefect would take that of this module
        made = prefect.flow(version=version, **options)(refusing)
        for name in TITLES.keys() & made.parameters.properties:
            made.parameters.properties[name]["title"] = TITLES[name]
        return made

    return decorate


def one_line(error: BaseException) -> str:
    """Return what an error says, without line breaks."""
    return " ".join(str(error).split())


def drop_tracebacks(error: BaseException | None) -> None:
    """Let go of what led to an error: Prefect keeps it, and at exit native libraries would report what it holds."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def quiet_console() -> None:
    """Print only a run's warnings and errors, and no refusal: a command prints that itself, as its last line.

    The logs of runs in Prefect's server stay complete. Where a logging level is set for Prefect, all is printed.
    """
    if "level" in get_current_settings().logging.model_fields_set:
        return
    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):
            handler.addFilter(_is_for_the_terminal)


def _is_for_the_terminal(record: logging.LogRecord) -> bool:
    """Tell whether a record says what the command's own last line does not: Prefect's last one names the state."""
    is_of_run = record.name in _LOGGERS
    is_said = hasattr(record, REFUSAL_MARK) or (is_of_run and str(record.msg).startswith("Finished in state"))
    return record.levelno >= (logging.WARNING if is_of_run else logging.ERROR) and not is_said


def _is_of_deployment() -> bool:
    context = FlowRunContext.get()
    return context is not None and context.flow_run is not None and context.flow_run.deployment_id is not None


class _WithoutTracebacks(logging.Filter):
    """Takes the traceback off the record of a mistake; its line stays, and what Prefect says besides it."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, _MISTAKES):
            words = record.getMessage().replace(repr(error), "").removesuffix(": ")
            record.msg, record.args = "%s: %s", (words, one_line(error))
            record.exc_info = record.exc_text = None
            setattr(record, REFUSAL_MARK, True)
        return True


for _name in _LOGGERS:
    logging.getLogger(_name).addFilter(_WithoutTracebacks())
