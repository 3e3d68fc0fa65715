"""A refusal of a flow ends its run with one line, the message of the state, and without a traceback in any log.

Flows use ``flow`` of this module, which wraps Prefect's. An error that is not an ``SmsError`` keeps Prefect's message
and its traceback: it is a fault of the program, and the traceback is needed to find it.
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
from prefect.states import Failed
from prefect.utilities.callables import parameter_schema
from prefect.utilities.hashing import file_hash

from campanile.services.refusals import REFUSAL_MARK, log_refusal
from campanile.sms.errors import SmsError
from schemas.form import titled
from tasks.context import run_logger

P = ParamSpec("P")
R = TypeVar("R")
#: The loggers that report the end of a run: of flows, of tasks, and of the process that a worker starts for a run.
RUN_LOGGERS = ("prefect.flow_runs", "prefect.task_runs", "prefect.engine")
#: Mistakes of the person who started the run: the one line of the message is enough.
_MISTAKES = (SmsError, ParameterTypeError)


def flow(**options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Make a function a flow, as ``prefect.flow(**options)``; an ``SmsError`` ends its run as Failed with one line.

    A caller of the flow as a function still gets the error raised.
    """

    def decorate(run: Callable[P, R]) -> Flow[P, R]:
        @functools.wraps(run)
        def refusing(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return run(*args, **kwargs)
            except SmsError as error:
                log_refusal(run_logger(), one_line(error))
                if _is_of_deployment():  # the process of the run ends here, so no caller gets the error
                    drop_tracebacks(error)
                return cast(R, Failed(message=one_line(error), data=error))

        version = file_hash(str(inspect.getsourcefile(inspect.unwrap(run))))  # Prefect would hash this module
        made = prefect.flow(version=version, **options)(refusing)
        made.__signature__ = titled(inspect.signature(run, eval_str=True))  # type: ignore[attr-defined]
        made.parameters = parameter_schema(made)  # as prefect deploy makes it again
        return made

    return decorate


def one_line(error: BaseException) -> str:
    """Return the message of an error without line breaks."""
    return " ".join(str(error).split())


def drop_tracebacks(error: BaseException | None) -> None:
    """Drop the tracebacks of an error: Prefect keeps it, and native libraries would report its objects at exit."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _is_of_deployment() -> bool:
    context = FlowRunContext.get()
    return context is not None and context.flow_run is not None and context.flow_run.deployment_id is not None


class _WithoutTracebacks(logging.Filter):
    """Remove the traceback from the log record of a mistake; keep its line and Prefect's own words."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, _MISTAKES):
            words = record.getMessage().replace(repr(error), "").removesuffix(": ")
            record.msg, record.args = "%s: %s", (words, one_line(error))
            record.exc_info = record.exc_text = None
            setattr(record, REFUSAL_MARK, True)
        return True


for _name in RUN_LOGGERS:
    logging.getLogger(_name).addFilter(_WithoutTracebacks())
