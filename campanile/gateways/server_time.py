"""The time that a server gives in its answers: a second opinion on the clock of this machine."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests


def server_time(url: str, deadline_seconds: float) -> datetime | None:
    """Return the ``Date`` of a server's answer, in whole seconds; None: it does not answer, or gives none.

    Only headers are asked for, without credentials; whatever status comes has a date.
    """
    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.head(url, timeout=deadline_seconds, allow_redirects=False)
            found = parsedate_to_datetime(answer.headers.get("Date", ""))
        except (requests.RequestException, ValueError, TypeError):
            return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def seconds_ahead(url: str, now: Callable[[], datetime], deadline_seconds: float = 5.0) -> float | None:
    """Return by how many seconds our clock is ahead of a server's (negative: behind); None: the server cannot tell.

    A date has whole seconds and was written while we waited, so up to a second and the wait itself are no difference.
    """
    before = now()
    found = server_time(url, deadline_seconds)
    after = now()
    if found is None:
        return None
    behind = (found - after).total_seconds()
    ahead = (before - found).total_seconds() - 1
    return max(0.0, ahead) - max(0.0, behind)
