"""The first use of a store by a process: check statements, migrate tables, agree on the key and the simulated clock."""

from datetime import datetime, timedelta
from functools import cache

from campanile.services.clock import real_now
from campanile.services.settings import Settings
from campanile.sms.errors import ConfigurationError
from campanile.store.billing.operator_settings import get_setting, put_setting
from campanile.store.contacts.opt_out_switch import has_opt_outs, hash_opt_outs, is_hashed
from campanile.store.db.clock_check import confirm_clock
from campanile.store.db.database import Transaction, transaction
from campanile.store.db.migrate import check_statements, migrate

_SETTING = "rehearsal"


class SimulationMixed(ConfigurationError):  # noqa: N818 - reads as what it is
    """A store with a simulated clock would do real work, or a store with real work would get a simulated clock."""


def start_store(settings: Settings) -> timedelta:
    """Open and migrate the store; return the offset of its clock, zero unless it is simulated.

    Raises:
        SimulationMixed: the store has a simulated clock and this process none; or the other way round, and the store
            holds real work.
        ConfigurationError: opt-outs are not kept as ``SMS_SUPPRESSION`` says.
        StoreError: opt-outs are kept as keyed hashes, and the key is missing or another one.
        StoreTooNew: a newer version wrote the store.
    """
    _check_statements_once()
    simulated_now, wait_seconds = settings.simulated_now, settings.store_wait_seconds
    migrate(settings.store_file, real_now, wait_seconds=wait_seconds)
    key = settings.opt_out_key
    with transaction(settings.store_file, real_now, wait_seconds=wait_seconds, opt_out_key=key) as tx:
        _agree_on_key(tx, settings)
        _ = tx.reconciliation  # a restored store is found at the start of the first process, whatever it runs
        kept = get_setting(tx, _SETTING)
        if simulated_now is None and kept is None:
            return timedelta()
        if simulated_now is None:
            raise SimulationMixed(
                f"store {settings.store_file} has a simulated clock that started at {kept['simulated_now']}: set "
                "SMS_SIMULATED_NOW to that, or use another store; such a store is never used for real work"
            )
        if kept is None and tx.value("store_state.holds_work"):
            raise SimulationMixed(
                f"store {settings.store_file} holds real work: a simulated clock would end real work in it for ever. "
                "Unset SMS_SIMULATED_NOW, or use a separate data folder (SMS_DATA_DIR, SMS_STORE_PATH)"
            )
        if kept is None or kept["simulated_now"] != simulated_now.isoformat():
            return begin_simulation(tx, simulated_now)
    return timedelta(seconds=kept["offset_seconds"])


@cache
def _check_statements_once() -> None:
    """Check every statement at the first start of a store in this process: half a second of work."""
    check_statements()


def _agree_on_key(tx: Transaction, settings: Settings) -> None:
    """Check that the store keeps opt-outs as the settings say; one that has none yet begins as they say."""
    key = settings.opt_out_key
    if is_hashed(tx) or key is None:  # guard: suppression-key
        return
    if has_opt_outs(tx):
        raise ConfigurationError(
            f"store {settings.store_file} keeps opt-outs under their numbers, and SMS_SUPPRESSION is hmac: run python "
            "-m campanile.hash_opt_outs with your name, or unset SMS_SUPPRESSION"
        )
    hash_opt_outs(tx, key, "SMS_SUPPRESSION")


def begin_simulation(tx: Transaction, moment: datetime) -> timedelta:
    """Give a store a simulated clock that starts at a moment, permanently; return the offset of its clock."""
    offset = moment - real_now()
    kept = {"simulated_now": moment.isoformat(), "offset_seconds": offset.total_seconds()}
    put_setting(tx, _SETTING, kept, "SMS_SIMULATED_NOW")
    confirm_clock(tx, "SMS_SIMULATED_NOW", moment)  # a simulated clock may go back
    return offset
