"""Calls of Prefect's API with one try and a time limit, and with a pause after a failure.

Prefect's own client repeats a call for more than a minute, and its events client repeats each event for seconds. That
is right for a flow that can do nothing without the server, and wrong for a flow that sends messages.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from httpx import HTTPError
from prefect.context import SettingsContext, get_settings_context
from prefect.events.clients import PrefectEventsClient
from prefect.events.worker import EventsWorker, emit_events_to_cloud, should_emit_events_to_running_server
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, Settings

from campanile.sms.errors import SmsError

T = TypeVar("T")
#: The time limit of a call, and the pause after a call that failed.
CALL_SECONDS, AWAY_SECONDS = 4.0, 30.0
#: The settings of this process, and the same with one try a call.
_ONE_TRY: list[Settings] = []


class PrefectAway(SmsError):  # noqa: N818 - a state, not a mistake
    """Prefect's server did not answer in time, now or a moment ago."""


def call_prefect(call: Callable[[], T], seconds: float = CALL_SECONDS) -> T:
    """Make a call of Prefect's server and return its result.

    Raises:
        PrefectAway: there is no server, it refuses, or it does not answer in time.
    """
    context = copy_context()
    context.run(_try_once)
    executor = ThreadPoolExecutor(1, thread_name_prefix="prefect-call")
    try:
        return executor.submit(context.run, call).result(seconds)
    except TimeoutError:
        raise PrefectAway(f"Prefect's server did not answer within {seconds:g} s") from None
    except (HTTPError, ValueError) as error:  # ValueError: another program answers, not Prefect's server
        raise PrefectAway(f"Prefect's server cannot be used: {str(error).splitlines()[0]}") from None
    finally:
        executor.shutdown(wait=False)


def _try_once() -> None:
    """Set one try a call in this context; Prefect makes such settings in 60 ms, so they are made once a process."""
    context = get_settings_context()
    if not _ONE_TRY or _ONE_TRY[0] is not context.settings:
        _ONE_TRY[:] = context.settings, context.settings.copy_with_update(updates={PREFECT_CLIENT_MAX_RETRIES: 0})
    SettingsContext(profile=context.profile, settings=_ONE_TRY[1]).__enter__()


class Breaker:
    """Make calls until one fails, and then none for a while."""

    def __init__(self, away_seconds: float = AWAY_SECONDS) -> None:
        self._away_seconds = away_seconds
        self._closed_until = 0.0

    def call(self, call: Callable[[], T]) -> T:
        """Make a call as ``call_prefect`` does and return its result.

        Raises:
            PrefectAway: the call failed, or it was not made because one failed a moment ago.
        """
        left = self._closed_until - time.monotonic()
        if left > 0:
            raise PrefectAway(f"Prefect's server did not answer; the next try is in {left:.0f} s")
        try:
            return call_prefect(call)
        except PrefectAway:
            self._closed_until = time.monotonic() + self._away_seconds
            raise


#: The breaker of this process.
BREAKER = Breaker()


def bound_events() -> None:
    """Try each event of this process twice without a pause, instead of ten times with pauses.

    An event without a server is sent with the next one that reaches it. A process waits for its last event at its end.
    """
    if should_emit_events_to_running_server() and not emit_events_to_cloud():
        EventsWorker.set_client_override(PrefectEventsClient, reconnection_attempts=1)
