"""The wall clock, and the rehearsed one.

``SMS_SIMULATED_NOW`` shifts the clock of a rehearsal: it starts there and runs at real speed. The shift is kept in the
store, so that every process of the rehearsal agrees and a second process does not start it again. A store that
rehearses never does real work, and only the sandbox may be written to.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from sms.errors import ConfigurationError
from store.clock import confirm_clock
from store.database import Transaction, transaction
from store.migrate import check_statements, migrate
from store.operators import get_setting, put_setting
from tasks.settings import settings


class RehearsalMixed(ConfigurationError):  # noqa: N818 - reads as what it is
    """A store that rehearses is to do real work, or one that did real work is to rehearse."""


def real_now() -> datetime:
    """Return the machine's own time."""
    return datetime.now(UTC)


def now() -> datetime:
    """Return the time everything is decided by: the machine's, shifted in a rehearsal."""
    return real_now() + clock_offset()


@lru_cache(maxsize=1)
def clock_offset() -> timedelta:
    """Return the shift of the clock, zero but in a rehearsal; opens and migrates the store at a process's first call.

    Raises:
        RehearsalMixed: the store rehearses, and this process was not told to; or it was, and the store holds real work.
        StoreTooNew: a newer version wrote the store.
    """
    check_statements()
    wished = settings().simulated_now
    migrate(settings().store_file, real_now, wait_seconds=settings().store_wait_seconds)
    with transaction(settings().store_file, real_now, wait_seconds=settings().store_wait_seconds) as visit:
        _ = visit.reconciliation  # a store that came back is found at the first start, whatever is started
        kept = get_setting(visit, "rehearsal")
        if wished is None and kept is None:
            return timedelta()
        if wished is None:
            raise RehearsalMixed(
                f"store {settings().store_file} rehearses {kept['simulated_now']}: set SMS_SIMULATED_NOW to that, "
                "or use another store; a rehearsed store never does real work"
            )
        if kept is None and visit.value("store_state.holds_work"):
            raise RehearsalMixed(
                f"store {settings().store_file} holds real work: a rehearsal would lock it for ever. Unset "
                "SMS_SIMULATED_NOW, or rehearse in a data folder of its own (SMS_DATA_DIR, SMS_STORE_PATH)"
            )
        if kept is None or kept["simulated_now"] != wished.isoformat():
            return begin_rehearsal(visit, wished)
    return timedelta(seconds=kept["offset_seconds"])


def begin_rehearsal(visit: Transaction, moment: datetime) -> timedelta:
    """Let a store rehearse from a moment on, for good; return the shift of its clock."""
    offset = moment - real_now()
    kept = {"simulated_now": moment.isoformat(), "offset_seconds": offset.total_seconds()}
    put_setting(visit, "rehearsal", kept, "SMS_SIMULATED_NOW")
    confirm_clock(visit, "SMS_SIMULATED_NOW", moment)  # a rehearsal may go back as it likes
    return offset


def rehearsal_note() -> str:
    """Return one line that says which moment is rehearsed, or nothing."""
    wished = settings().simulated_now
    return (
        ""
        if wished is None
        else f"Rehearsal: the clock started at {wished:%A %Y-%m-%d %H:%M %Z}; only the sandbox is written to."
    )
