"""Calls of Prefect's API that Campanile does not wait for: one try, some seconds, and none for a while after a failure.

Prefect's own client tries a call again for more than a minute, and its events client each event for seconds. That
is right for a flow that does nothing without the server, and wrong for one that sends messages.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from httpx import HTTPError
from prefect.events.clients import PrefectEventsClient
from prefect.events.worker import EventsWorker, emit_events_to_cloud, should_emit_events_to_running_server
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from campanile.sms.errors import SmsError

T = TypeVar("T")
#: A call ends after so long; after one that failed none is made for so long.
CALL_SECONDS, AWAY_SECONDS = 4.0, 30.0


class PrefectAway(SmsError):  # noqa: N818 - a state, not a mistake
    """Prefect's server did not answer in time, or is taken to be away because it did not a moment ago."""


def call_prefect(call: Callable[[], T], seconds: float = CALL_SECONDS) -> T:
    """Return what a call returns that asks Prefect's server.

    Raises:
        PrefectAway: there is no server, it refuses, or it did not answer in time.
    """
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        context = copy_context()
    executor = ThreadPoolExecutor(1, thread_name_prefix="prefect-call")
    try:
        return executor.submit(context.run, call).result(seconds)
    except TimeoutError:
        raise PrefectAway(f"Prefect's server did not answer within {seconds:g} s") from None
    except (HTTPError, ValueError) as error:  # a ValueError: what answers is not Prefect's server
        raise PrefectAway(f"Prefect's server cannot be used: {str(error).splitlines()[0]}") from None
    finally:
        executor.shutdown(wait=False)


class Breaker:
    """Lets calls through until one fails, and then none for a while."""

    def __init__(self, away_seconds: float = AWAY_SECONDS) -> None:
        self._away_seconds = away_seconds
        self._closed_until = 0.0

    def call(self, call: Callable[[], T]) -> T:
        """Return what a call returns, as ``call_prefect`` does.

        Raises:
            PrefectAway: this call failed, or one did a moment ago and this one was not made.
        """
        left = self._closed_until - time.monotonic()
        if left > 0:
            raise PrefectAway(f"Prefect's server did not answer; it is asked again in {left:.0f} s")
        try:
            return call_prefect(call)
        except PrefectAway:
            self._closed_until = time.monotonic() + self._away_seconds
            raise

    def reset(self) -> None:
        """Let the next call through."""
        self._closed_until = 0.0


#: The one of this process.
BREAKER = Breaker()


def bound_events() -> None:
    """Try each event of this process twice and at once, instead of ten times with pauses.

    An event that finds no server is sent with the next one that does; a process that ends waits for its last event.
    """
    if should_emit_events_to_running_server() and not emit_events_to_cloud():
        EventsWorker.set_client_override(PrefectEventsClient, reconnection_attempts=1)
