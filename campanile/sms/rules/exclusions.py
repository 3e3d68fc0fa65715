"""Exclusions of contacts, and the order of the queue.

The work itself is done on whole columns, in ``message_builder``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

#: Reasons of exclusions, in the order in which they are checked, with the texts of the recap.
EXCLUSION_REASONS = {
    "opted_out": "asked not to be written to (STOP)",
    "consent_refused": "said no to marketing: a consent or opt-out column of a file of these lists",
    "dead_number": "does not exist as the operator said, or was absent too often",
    "excluded_list": "is on an excluded list",
    "no_consent": "is on a list with no declared legal basis for marketing",
    "inactive": "gave no sign of life for too long, or has only dates that cannot be read",
    "had_enough": "got as many marketing messages as the draft allows",
    "duplicate": "is already in the campaign, from another source",
    "never_open": "is in a territory whose hours are not known, or in territories that are never open together",
    "missing_field": "has no value for a merge field without default",
}


class QueuedWindow(NamedTuple):
    """The messages of one window key in the queue: their number, and the number of their first slice."""

    window_key: str
    message_count: int
    first_slice_no: int


def opt_outs_bind(kind: str, requested_service: bool) -> bool:
    """Return whether a STOP applies to a campaign: always, except for an alert that people asked for.

    >>> opt_outs_bind("alert", requested_service=True), opt_outs_bind("marketing", requested_service=True)
    (False, True)
    """
    return not (kind == "alert" and requested_service)


def queue_windows(
    loads: Mapping[str, int], closes_at: Mapping[str, datetime], slice_size: int
) -> Sequence[QueuedWindow]:
    """Sort the window keys by the end of their windows, and number their slices from 1.

    >>> from datetime import UTC
    >>> noon, night = datetime(2026, 11, 23, 12, tzinfo=UTC), datetime(2026, 11, 23, 19, tzinfo=UTC)
    >>> [window.first_slice_no for window in queue_windows({"FR": 501, "RE": 3}, {"FR": night, "RE": noon}, 500)]
    [1, 2]
    """
    queue, slice_no = [], 1
    for key in sorted(loads, key=lambda key: (closes_at[key], key)):
        queue.append(QueuedWindow(key, loads[key], slice_no))
        slice_no += -(-loads[key] // slice_size)
    return queue
