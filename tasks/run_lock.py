"""One run of a flow at a time: a lock that the kernel releases when its process dies.

The lock is ``flock`` on ``<data folder>/locks/<flow>.lock``. It covers runs of a worker, ``python -m flows`` and plain
function calls on one machine, as the lock of the store does. Prefect's concurrency limits are not used: they keep the
slots of killed runs (docs/decisions/0016-locks-of-our-own.md).
"""

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from prefect.states import Completed

from campanile.services.run_lock import StillRunning, hold
from tasks.clean_up import drop_missed_of_this_run
from tasks.context import current_context

P = ParamSpec("P")
R = TypeVar("R")


def one_at_a_time(waits_with: str | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Allow one run of a flow at a time; put this decorator below ``@flow``.

    If another run holds the lock, a run ends at once, Completed with the name "Skipped"; its message names the process
    of the other one. A run with the parameter ``waits_with``, such as a file, waits for its turn instead. It raises
    ``StillRunning`` after ``SMS_PARSER_SECONDS``, the longest time that a file may take.
    """

    def decorate(run: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(run)
        flow = run.__name__.replace("_", "-")

        @functools.wraps(run)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            waits = bool(waits_with and signature.bind(*args, **kwargs).arguments.get(waits_with))
            context = current_context()
            with contextlib.ExitStack() as stack:
                try:
                    stack.enter_context(
                        hold(context, flow, context.settings.parser_seconds if waits else 0, context.log.info)
                    )
                except StillRunning as found:
                    if waits:
                        raise
                    context.log.info("skipped: %s", found)
                    return cast(R, Completed(name="Skipped", message=str(found), data=f"skipped: {found}"))
                drop_missed_of_this_run()
                return run(*args, **kwargs)

        return guarded

    return decorate
