"""The wall clock of this machine, and the simulated one.

``SMS_SIMULATED_NOW`` shifts the clock for demos and rehearsals: it starts there and runs at real speed. The offset is
kept in the store (``store_startup``), so that every process agrees.
"""

from datetime import UTC, datetime


def real_now() -> datetime:
    """Return the time of this machine's clock."""
    return datetime.now(UTC)


def simulation_note(simulated_now: datetime | None) -> str:
    """Return one line that names the simulated moment; empty: the clock is not simulated."""
    if simulated_now is None:
        return ""
    return f"Simulated clock: it started at {simulated_now:%A %Y-%m-%d %H:%M %Z}; only the sandbox is used."
