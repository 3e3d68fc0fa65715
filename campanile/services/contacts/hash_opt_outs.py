"""Switch the store to keyed hashes of opt-outs, with its copies; the files that still have the numbers are named."""

from dataclasses import dataclass
from pathlib import Path

from campanile.services.clock import real_now
from campanile.services.input_checks import require_actor
from campanile.services.settings import Settings
from campanile.sms.errors import ConfigurationError, SmsError
from campanile.store.contacts.opt_out_switch import hash_opt_outs, is_hashed
from campanile.store.db.compact import compact
from campanile.store.db.database import transaction
from campanile.store.db.migrate import migrate


@dataclass(frozen=True, slots=True)
class Switched:
    """What a switch did.

    Attributes:
        opt_out_count: opt-outs whose number was replaced; None: the store was switched before.
        copies: copies of the store that were switched too.
        remaining: files and copies that still have numbers of opt-outs, each with what to do.
    """

    opt_out_count: int | None
    copies: list[Path]
    remaining: list[str]


def switch_to_hashes(settings: Settings, actor: str) -> Switched:
    """Replace the numbers of all opt-outs by keyed hashes, in the store and its copies, and write their files anew.

    It may run again after a failure: what is switched already is only written anew.

    Raises:
        ConfigurationError: ``SMS_SUPPRESSION`` is not ``hmac``, or there is no store.
        CampaignError: actor is empty.
        StoreError: the store was switched with another key, or its file could not be written anew.
    """
    actor, key, path = require_actor(actor), settings.opt_out_key, settings.store_file
    if key is None:
        raise ConfigurationError("set SMS_SUPPRESSION=hmac and SMS_SUPPRESSION_KEY first; nothing was changed")
    if not path.exists():
        raise ConfigurationError(f"store {path} does not exist: a new one keeps hashes from its first start")
    count, hashes = _switch(settings, path, key, actor)
    copies, remaining = [], []
    for copy in sorted(settings.backups.glob(f"*/{path.name}")):
        try:
            _switch(settings, copy, key, actor)
            copies.append(copy.parent)
        except SmsError as error:
            remaining.append(f"{copy.parent}: {error}; delete this copy of the store")
        copy.with_name(f"{copy.name}.lock").unlink(missing_ok=True)
    return Switched(count, copies, [*remaining, *_files(settings, hashes)])


def _switch(settings: Settings, path: Path, key: bytes, actor: str) -> tuple[int | None, list[str]]:
    """Switch one store; return the number of its opt-outs and the hashes of its files of opt-outs."""
    wait, is_copy = settings.store_wait_seconds, path != settings.store_file
    migrate(path, real_now, wait_seconds=wait)
    with transaction(path, real_now, wait_seconds=wait, is_numbered=not is_copy, opt_out_key=key) as tx:
        count = None if is_hashed(tx) else hash_opt_outs(tx, key, actor)
        hashes = tx.values("opt_out_key.files")
    compact(path, wait_seconds=wait)
    return count, hashes


def _files(settings: Settings, hashes: list[str]) -> list[str]:
    """Return the files of the data folder that have numbers of opt-outs, each with what to do."""
    exports = settings.data_dir / "exports" / "opt_outs"
    marks = {f"-{digest[:8]}" for digest in hashes}
    found = dict.fromkeys(sorted(exports.glob("*")), "an export from before; delete it")
    for path in sorted(settings.data_dir.joinpath("archive").rglob("*")):
        if path.is_file() and any(mark in path.stem for mark in marks):
            found[path] = "the imported file; keep it elsewhere, or delete it"
    return [f"{path}: {advice}" for path, advice in found.items()]
