"""Merge a file into a list: every row gets one result, in one transaction."""

from campanile.sms.errors import ContactFileError
from campanile.store.contacts.impact import Preview, conclude, stage_before
from campanile.store.contacts.import_log import (
    ImportSummary,
    SourceFile,
    StagedRows,
    close_import,
    earlier_import,
    staged_file,
)
from campanile.store.contacts.lists import list_made_sure
from campanile.store.contacts.undo import find_undoable, take_out
from campanile.store.db.database import Transaction
from campanile.store.inbound.dead_numbers import revive_consenting

_SCRATCH = ("staged_twice", "staged_once", "staged_steps", "staged_folded")


def import_contacts(
    tx: Transaction,
    list_name: str,
    source: SourceFile,
    staged: StagedRows,
    *,
    replaces: int | None = None,
    actor: str = "campanile",
) -> ImportSummary:
    """Merge a file's rows into a list, which is created if it is new.

    Args:
        tx: the open transaction: all of it is committed, or nothing.
        list_name: the list.
        source: the file.
        staged: the file's rows.
        replaces: the import that the file replaces: it is undone first, in the same transaction.
        actor: who replaces it.

    Raises:
        ContactFileError: the same bytes were imported into this list by another process meanwhile.
        CampaignError: the import to replace cannot be undone, or is of another list.
        StoreError: the rows are not valid, or their results do not add up.
    """
    earlier = earlier_import(tx, source, "contacts", list_name)
    if earlier is not None:
        raise ContactFileError(f"{source.file_name} is already in list {list_name}: {earlier.same_as}")
    with staged_file(tx, source.file_name, staged):
        list_id = list_made_sure(tx, list_name, source.is_sample)
        import_id = int(tx.value("import.next_id"))
        if replaces is None:
            replaced = None
            _merge(tx, list_id, import_id)
        else:
            replaced = replaces, _replace(tx, list_name, import_id, replaces, actor)
    revive_consenting(tx, import_id)
    known_count = int(tx.value("import.count_known", import_id=import_id))
    return close_import(tx, import_id, "contacts", list_id, source, staged.row_count, known_count, replaced)


def _replace(tx: Transaction, list_name: str, import_id: int, replaces: int, actor: str) -> Preview:
    """Undo one file and merge the staged one; return the difference between before and after both."""
    undone = find_undoable(tx, replaces, list_name)
    list_id = undone.list_id
    tx.run("change.stage_replacement", import_id=replaces)
    stage_before(tx, list_id)
    take_out(tx, undone, actor, f"replaced by import {import_id}")
    _merge(tx, list_id, import_id)
    return conclude(tx, list_id, list_name, f"import {replaces} replaced by import {import_id}", actor)


def _merge(tx: Transaction, list_id: int, import_id: int) -> None:
    """Add every row with its result, and update the list's contacts from the rows."""
    tx.run("import.stage_twice")
    tx.run("import.stage_once", list_id=list_id)
    tx.run("import.stage_steps", list_id=list_id)
    tx.run("import.stage_folded")
    tx.run("import.keep_rows", import_id=import_id, list_id=list_id)
    tx.run("import.add_contacts", import_id=import_id, list_id=list_id, at=tx.at)
    tx.run("import.update_contacts", list_id=list_id, at=tx.at)
    tx.run("import.add_rejects", import_id=import_id)
    for table in _SCRATCH:
        tx.execute(f"DROP TABLE temp.{table}")
