"""When a number is dead: a permanent code, or absences in a row over some weeks."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class DeadRules:
    """Absences that make a number dead: at least ``absences`` in a row, the last one ``weeks`` or more after the first.

    An absence is a message that was not delivered because the phone was off or out of reach. A delivered message or a
    reply ends the row. ``absences`` 0: they never make a number dead.
    """

    absences: int = 3
    weeks: float = 4.0

    def is_dead(self, absence_count: int, first_at: datetime, last_at: datetime) -> bool:
        """Return whether absences in a row make a number dead.

        >>> from datetime import UTC
        >>> first = datetime(2026, 11, 2, tzinfo=UTC)
        >>> DeadRules(3, 4).is_dead(3, first, first + timedelta(weeks=4))
        True
        >>> DeadRules(3, 4).is_dead(9, first, first + timedelta(days=2))
        False
        """
        return 0 < self.absences <= absence_count and last_at - first_at >= timedelta(weeks=self.weeks)
