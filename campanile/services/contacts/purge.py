"""Delete what is older than the retention settings allow."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from campanile.pages.person_views import PurgedView
from campanile.services.clock import real_now
from campanile.services.context import Context
from campanile.store.contacts.retention import hide_proofs, purge_messages, purge_rejects, purge_replies
from campanile.store.db.compact import compact
from campanile.store.db.database import Transaction

#: Folders of the data folder whose files Campanile wrote or archived.
_FOLDERS = {
    "archive": "archived files",
    "refused": "refused files",
    "rejects": "files of rejects",
    "exports": "exports",
    "snapshot": "files of the snapshot",
}


def purge_old_data(context: Context, run_count: int = 0) -> PurgedView:
    """Delete old data and return the counts; ``run_count``: how many runs of Prefect were deleted before.

    Raises:
        StoreError: the store could not be written anew; the next purge does it.
    """
    counts, skipped = {"runs of Prefect": run_count}, []
    with context.transaction() as tx:
        found = tx.reconciliation
        rows = _purge_rows(context, tx) if found is None else {}
    if found is not None:
        skipped.append(f"messages and replies are kept: {found.reason}; run reconcile-store")
    if any(rows.values()):
        compact(context.settings.store_file, wait_seconds=context.settings.store_wait_seconds)
    counts |= rows | _purge_files(context) | _purge_backups(context)
    view = PurgedView({what: count for what, count in counts.items() if count}, skipped)
    context.log.info("old data: %s", ", ".join(f"{what} {count}" for what, count in view.counts.items()) or "nothing")
    return view


def _purge_rows(context: Context, tx: Transaction) -> dict[str, int]:
    found = context.settings
    counts: dict[str, int] = {}
    if found.keep_messages_days:
        counts |= purge_messages(tx, tx.at - timedelta(days=found.keep_messages_days))
    if found.keep_replies_days:
        before = tx.at - timedelta(days=found.keep_replies_days)
        counts["replies"] = purge_replies(tx, before)
        if found.opt_out_key is not None:
            counts["numbers of opt-outs in replies"] = hide_proofs(tx, before)
    if found.keep_files_days:
        counts["rejected lines"] = purge_rejects(tx, tx.at - timedelta(days=found.keep_files_days))
    return counts


def _purge_files(context: Context) -> dict[str, int]:
    """Delete old files of Campanile's own folders; return how many, by what they are."""
    days, counts = context.settings.keep_files_days, dict.fromkeys(_FOLDERS.values(), 0)
    for folder, what in _FOLDERS.items() if days else ():
        for path in sorted(context.settings.data_dir.joinpath(folder).rglob("*")):
            if path.is_file() and not path.is_symlink() and _is_older(path, days, real_now()):
                path.unlink()
                counts[what] += 1
    return counts


def _purge_backups(context: Context) -> dict[str, int]:
    """Delete old copies of the store, except the newest one; return how many."""
    days, name = context.settings.keep_backups_days, context.settings.store_file.name
    copies = sorted((file.parent for file in context.settings.backups.glob(f"*/{name}")), key=lambda path: path.name)
    old = [folder for folder in copies[:-1] if days and _is_older(folder / name, days, real_now())]
    for folder in old:
        shutil.rmtree(folder)
    return {"copies of the store": len(old)}


def _is_older(path: Path, days: int, now: datetime) -> bool:
    return now.timestamp() - path.stat().st_mtime > timedelta(days=days).total_seconds()
